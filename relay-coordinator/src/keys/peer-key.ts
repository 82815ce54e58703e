/**
 * The coordinator's libp2p identity in the bytes that libp2p keeps keys in: a protobuf of type Ed25519 (field 1 = 1) and 64 bytes of
 * seed and public key (field 2), https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md. The file itself is PKCS#8 like
 * the others, so that one export covers all of them.
 */
import { concat, fromBase64Url, type KeyPair } from '@peercompute/job-specs'
import { keySeed } from './key-file.ts'

const ED25519_HEADER = new Uint8Array([0x08, 0x01, 0x12, 0x40])

export async function peerKeyBytes(pair: KeyPair): Promise<Uint8Array> {
  return concat([ED25519_HEADER, await keySeed(pair), fromBase64Url(pair.publicKey)])
}
