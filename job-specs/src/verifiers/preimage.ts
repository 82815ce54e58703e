/**
 * A nonce whose SHA-256 (FIPS 180-4) of prefix ‖ unit ‖ nonce begins with enough zero bits (A. Back, Hashcash, 2002). One hash against
 * the 2^bits of the search. The unit's number is part of the text, so one find is worth one unit. Several nonces may be right: say in the
 * job's comparator which of them agree.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat } from '../bytes.ts'
import type { Verdict, Verifier } from '../verifier.ts'
import { outputOf, type VerifierCase } from './elements.ts'

type Preimage = Extract<Verifier, { kind: 'preimage' }>

/** `prefix`: the whole input, or nothing. */
export function preimageDigest(prefix: Uint8Array, unit: number, nonce: Uint8Array): Uint8Array {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(unit), true)
  return sha256(concat([prefix, number, nonce]))
}

export function preimage({ prefix, nonce, bits }: Preimage, given: VerifierCase): Verdict {
  const last = outputOf(given, nonce)
  const first = prefix === undefined ? new Uint8Array() : given.inputs.get(prefix)
  if (first === undefined) return { pass: null, detail: `The input "${String(prefix)}" is not there.` }
  const zeros = leadingZeros(preimageDigest(first, given.unit, new Uint8Array(last.buffer, last.byteOffset, last.byteLength)))
  return { pass: zeros >= bits, detail: `The digest begins with ${zeros} zero bits, and ${bits} are wanted.` }
}

function leadingZeros(digest: Uint8Array): number {
  const first = digest.findIndex((byte) => byte !== 0)
  return first < 0 ? digest.length * 8 : first * 8 + Math.clz32(digest[first] ?? 0) - 24
}
