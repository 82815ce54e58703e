/** The coordinator's libp2p identity, in the bytes that libp2p keeps keys in. */
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { KeyPair } from '@peercompute/job-specs'
import { keySeed } from './key-file.ts'

export async function peerKeyBytes(pair: KeyPair): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', await keySeed(pair)))
}
