/**
 * The libp2p key of a node, as bytes for a file. A relay must keep its key: clients do not find their way back to a relay
 * that returns under a new PeerId. Volunteers make a new one for each tab: the same key in two tabs loses gossip.
 */
import { generateKeyPair, generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PeerComputeError } from '@peercompute/job-specs'
import type { PrivateKey } from '@libp2p/interface'

/** Ed25519, in libp2p's protobuf form. */
export async function generatePeerKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
}

/** The key of this Ed25519 seed: 32 secret bytes that are kept elsewhere. */
export async function peerKeyFromSeed(seed: Uint8Array): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', seed))
}

/** Throws KEY_INVALID. */
export function parsePeerKey(bytes: Uint8Array): PrivateKey {
  try {
    return privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', 'the libp2p key of this node cannot be decoded', { cause })
  }
}

/** The PeerId in its usual text form. Throws KEY_INVALID. */
export function peerIdOfKey(bytes: Uint8Array): string {
  return peerIdFromPrivateKey(parsePeerKey(bytes)).toString()
}
