/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front: nonce, ciphertext, 16 bytes of tag. One key may seal 2³²
 * messages before two nonces are likely to meet; a room does not live that long. `context` is authenticated and does not travel:
 * what was sealed for one place opens nowhere else.
 */
import { concat, utf8, type Bytes } from '@peercompute/job-specs'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** How much longer sealed bytes are. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES

export async function sealBytes(key: CryptoKey, context: string, plain: Uint8Array): Promise<Bytes> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: utf8(context) }, key, plain.slice())
  return concat([nonce, new Uint8Array(sealed)])
}

/** Null for what was not sealed with this key for this context. */
export async function openBytes(key: CryptoKey, context: string, sealed: Uint8Array): Promise<Bytes | null> {
  if (sealed.length < SEAL_BYTES) return null
  const bytes = sealed.slice()
  try {
    const iv = bytes.subarray(0, NONCE_BYTES)
    return new Uint8Array(
      await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: utf8(context) }, key, bytes.subarray(NONCE_BYTES))
    )
  } catch {
    return null
  }
}
