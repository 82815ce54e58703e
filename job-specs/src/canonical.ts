/** The one byte form of a JSON value: RFC 8785 (JCS), UTF-8. Everything signed or hashed goes through here. */
import canonicalizeJson from 'canonicalize'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, toHex, utf8, type Bytes } from './bytes.ts'
import { PeerComputeError } from './errors.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * Throws TypeError for what JSON cannot carry (undefined at the top, NaN, Infinity), and REQUEST_INVALID for half of a surrogate pair:
 * JSON from outside can spell it, UTF-8 cannot.
 */
export function canonicalBytes(value: object): Bytes {
  const text = canonicalText(value)
  if (text === undefined) throw new TypeError('Cannot canonicalise: the value has no JSON form')
  return utf8(text)
}

function canonicalText(value: object): string | undefined {
  try {
    return canonicalizeJson(value)
  } catch (cause) {
    if (!JSON.stringify(value).includes(LONE_SURROGATE)) throw cause
    throw new PeerComputeError('REQUEST_INVALID', 'a text holds half of a surrogate pair, which is no Unicode', { cause })
  }
}

/**
 * Whether `text` is the canonical form of `value`, which was parsed from it. Several times as fast as making that form: the order of
 * keys is looked at, and the rest left to JSON.stringify, whose numbers and strings are those of RFC 8785. Where the two may differ
 * (keys like "1", which JavaScript reorders; `__proto__`; lone surrogates), the answer is null and the form has to be made.
 */
export function isCanonical(text: string, value: object): true | null {
  return !text.includes(LONE_SURROGATE) && keysAscend(value) && JSON.stringify(value) === text ? true : null
}

/** How JSON.stringify writes half of a surrogate pair, and nothing else in canonical text. */
const LONE_SURROGATE = '\\ud'

function keysAscend(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(keysAscend)
  let before: string | null = null
  for (const [key, part] of Object.entries(value)) {
    if ((before !== null && key <= before) || key === '__proto__' || !keysAscend(part)) return false
    before = key
  }
  return true
}

/** SHA-256 in lower-case hex through WebCrypto: in browsers several times as fast as `sha256Hex`, even for a kilobyte. */
export async function digestHex(bytes: Bytes): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** SHA-256 in lower-case hex, where there is no waiting. Prefer `digestHex` for much. */
export function sha256Hex(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}

/**
 * Bytes that a signature covers: `peercompute/<purpose>/1` NUL, then the canonical bytes.
 * The prefix keeps a signature made for one purpose from being valid for another.
 */
export function signingInput(purpose: SigningPurpose, value: object): Bytes {
  return signingInputOf(purpose, canonicalBytes(value))
}

/** The same for bytes that are known to be canonical. */
export function signingInputOf(purpose: SigningPurpose, canonical: Uint8Array): Bytes {
  return concat([utf8(`peercompute/${purpose}/1\0`), canonical])
}

export type SigningPurpose =
  | 'spec'
  | 'job-command'
  | 'host-certificate'
  | 'coordinator-certificate'
  | 'record'
  | 'report'
  | 'hello'
  | 'lease-job'
  | 'receipt'
  | 'unit-receipt'
  | 'team-membership'
  | 'credit-export'
