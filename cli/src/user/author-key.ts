import type { KeyPair } from '@peercompute/job-specs'
import { ownIdentity } from './identity.ts'

/** The key that signs this person's jobs: the account, so that every machine of theirs can steer them. */
export async function authorKey(env: Readonly<Record<string, string | undefined>>): Promise<KeyPair> {
  return (await ownIdentity(env)).account
}
