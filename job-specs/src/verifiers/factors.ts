/**
 * A complete factorisation of a number below 2^64: the factors ascend, each is prime, and their product is the number. By the
 * fundamental theorem of arithmetic there is exactly one such list, so a wrong one never passes. What took the host n^(1/4) steps or
 * more takes a few dozen modular powers here.
 */
import type { Verdict, Verifier } from '../verifier.ts'
import { inputOf, outputOf, type Elements, type VerifierCase } from './elements.ts'
import { isPrime } from './is-prime.ts'

type Factors = Extract<Verifier, { kind: 'factors' }>

export function factors({ number, factors: name }: Factors, given: VerifierCase): Verdict {
  const wanted =
    typeof number === 'string' ? pairAt(inputOf(given, number, 2), 0) : BigInt(number.first) + BigInt(number.step) * BigInt(given.unit)
  if (wanted < 2n) return { pass: null, detail: `${wanted} has no prime factors.` }
  const list = outputOf(given, name)
  let product = 1n
  let before = 2n
  let ended = false
  for (let index = 0; index < list.length; index += 2) {
    const factor = pairAt(list, index)
    if (factor === 0n) {
      ended = true
      continue
    }
    if (ended) return { pass: false, detail: 'A factor follows after a zero.' }
    if (factor < before) return { pass: false, detail: `The factor ${factor} does not stand in ascending order.` }
    product *= factor
    // Before the test, so that a list of large numbers costs nothing.
    if (product > wanted) return { pass: false, detail: `The factors multiply to more than ${wanted}.` }
    if (!isPrime(factor)) return { pass: false, detail: `The factor ${factor} is not prime.` }
    before = factor
  }
  if (product !== wanted) return { pass: false, detail: `The factors multiply to ${product} instead of ${wanted}.` }
  return { pass: true, detail: `The factors are prime and multiply to ${wanted}.` }
}

function pairAt(words: Elements, index: number): bigint {
  return (BigInt(words[index + 1] ?? 0) << 32n) | BigInt(words[index] ?? 0)
}
