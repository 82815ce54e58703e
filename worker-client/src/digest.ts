import { sha256Hex, toHex, type ContentHash } from '@peercompute/job-specs'

/** Up to here hashing on this thread is quicker than handing the bytes to WebCrypto. */
const HASH_HERE_BYTES = 4096

/** SHA-256 in lower-case hex; large values are hashed off this thread. */
export async function digestOf(bytes: Uint8Array): Promise<ContentHash> {
  const hex =
    bytes.length <= HASH_HERE_BYTES ? sha256Hex(bytes) : toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice())))
  return hex as ContentHash
}
