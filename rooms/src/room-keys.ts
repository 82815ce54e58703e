/**
 * Everything that follows from a room's secret, by HKDF-SHA256 (RFC 5869) with one label for each use.
 *
 * The root key is among it: each member can certify a coordinator of the room, because any member may have to lead it. So whoever
 * has the link may read, publish, lead, and speak in the name of earlier leaders' root. Inside, nobody is more trusted than in the
 * open network: a lying volunteer is met by quorum and signed reports; a lying leader by the values and digests that every member
 * keeps and checks. A member cannot be shut out: make a new room.
 */
import { importPrivateKey, toHex, utf8, concat, type Bytes, type KeyPair, type RootId } from '@peercompute/job-specs'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'

export interface RoomKeys {
  /** 64 hex digits: names the room where it must be told apart, e.g. in stores. Says nothing about the key. */
  readonly tag: string
  /** Topics that the relay forwards: the ledger's, and presence. */
  readonly ledgerTopic: string
  readonly presenceTopic: string
  /** AES-256-GCM, not extractable. */
  readonly seal: CryptoKey
  readonly root: KeyPair
  readonly rootId: RootId
}

/** DER of an Ed25519 private key (RFC 8410) up to its 32 bytes. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20)

export async function deriveRoomKeys(secret: Bytes): Promise<RoomKeys> {
  const derive = (label: string): Bytes => hkdf(sha256, secret, undefined, utf8(`peercompute/room/1/${label}`), 32).slice()
  const root = await importPrivateKey(concat([PKCS8_HEAD, derive('root')]))
  return {
    tag: toHex(derive('tag')),
    ledgerTopic: `peercompute/room/${toHex(derive('ledger-topic'))}`,
    presenceTopic: `peercompute/room/${toHex(derive('presence-topic'))}`,
    seal: await crypto.subtle.importKey('raw', derive('seal'), 'AES-GCM', false, ['encrypt', 'decrypt']),
    root,
    rootId: root.publicKey as RootId
  }
}
