/** The operator's token: shown once, stored as its SHA-256. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { PeerComputeError } from '@peercompute/job-specs'
import { writeFileAtomically } from '../config/atomic-file.ts'
import { readSecret } from './key-file.ts'

const TOKEN_BYTES = 32
const PREFIX = 'pc_'

export interface AdminToken {
  /** The token itself when it was made just now, else null: it cannot be shown again. */
  readonly fresh: string | null
  /** Takes the same time for every wrong token. */
  accepts(token: string): boolean
}

/** Loads the token's hash, or makes a token at the first start. Throws KEY_INVALID. */
export async function loadAdminToken(keysFolder: string): Promise<AdminToken> {
  const path = hashPath(keysFolder)
  const stored = (await readSecret(path))?.trim()
  if (stored === undefined) {
    const fresh = await replaceAdminToken(keysFolder)
    return { fresh, accepts: comparer(sha256(fresh)) }
  }
  if (!/^[0-9a-f]{64}$/.test(stored)) throw new PeerComputeError('KEY_INVALID', `${path}: it does not hold a SHA-256`)
  return { fresh: null, accepts: comparer(Buffer.from(stored, 'hex')) }
}

/** Makes a new token; the old one is refused from the next start on. */
export async function replaceAdminToken(keysFolder: string): Promise<string> {
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
  await writeFileAtomically(hashPath(keysFolder), `${sha256(token).toString('hex')}\n`)
  return token
}

function comparer(expected: Buffer): (token: string) => boolean {
  return (token) => timingSafeEqual(sha256(token), expected)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function hashPath(keysFolder: string): string {
  return join(keysFolder, 'admin-token.sha256')
}
