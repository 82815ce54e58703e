/** The one byte form of a JSON value: RFC 8785 (JCS), UTF-8. Everything signed or hashed goes through here. */
import canonicalizeJson from 'canonicalize'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, toHex, utf8, type Bytes } from './bytes.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/** Throws TypeError for what JSON cannot carry (undefined at the top, NaN, Infinity). */
export function canonicalBytes(value: object): Bytes {
  const text = canonicalizeJson(value)
  if (text === undefined) throw new TypeError('Cannot canonicalise: the value has no JSON form')
  return utf8(text)
}

/** SHA-256 in lower-case hex. For blobs of many megabytes prefer WebCrypto. */
export function sha256Hex(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}

/**
 * Bytes that a signature covers: `peercompute/<purpose>/1` NUL, then the canonical bytes.
 * The prefix keeps a signature made for one purpose from being valid for another.
 */
export function signingInput(purpose: SigningPurpose, value: object): Bytes {
  return concat([utf8(`peercompute/${purpose}/1\0`), canonicalBytes(value)])
}

export type SigningPurpose =
  'spec' | 'job-command' | 'host-certificate' | 'coordinator-certificate' | 'record' | 'report' | 'hello' | 'lease-job'
