/** The form of an announcement, which is that of @libp2p/pubsub-peer-discovery: protobuf, 1: public key, 2: each address. */
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { DISCOVERY_MAX_BYTES } from './settings.ts'
import type { GossipValidator } from './gossip.ts'
import type { PublicKey } from '@libp2p/interface'

const KEY = 0x0a
const ADDRESS = 0x12

/** `addresses`: multiaddrs as bytes. */
export function encodeAnnouncement(key: PublicKey, addresses: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([...field(KEY, publicKeyToProtobuf(key)), ...addresses.flatMap((address) => field(ADDRESS, address))])
}

function field(tag: number, bytes: Uint8Array): number[] {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 0x80) return [tag, ...length, rest, ...bytes]
    length.push((rest & 0x7f) | 0x80)
  }
}

/** PeerId that an announcement names; null for what is none. Ed25519 keys only, 36 bytes, and first. */
export function authorOf(data: Uint8Array): string | null {
  if (data.length > DISCOVERY_MAX_BYTES || data[0] !== KEY) return null
  try {
    return peerIdFromPublicKey(publicKeyFromProtobuf(data.subarray(2, 2 + (data[1] ?? 0)))).toString()
  } catch {
    return null
  }
}

/** Lets only announcements through that name their own author: a peer cannot invent others. */
export const ownAnnouncement: GossipValidator = (data, _source, author) => (authorOf(data) === author ? 'accept' : 'reject')
