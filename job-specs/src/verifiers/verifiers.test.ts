import { describe, expect, it } from 'vitest'
import { blobRef } from '../blob.ts'
import { jobSpecSchema, type JobSpec } from '../job.ts'
import { ELEMENT_BYTES, type ElementType } from '../kernel.ts'
import type { BuiltInVerifier, Verdict } from '../verifier.ts'
import { elementsOf, isPrime, preimageDigest, seededRandom, verifyValue } from './index.ts'

const SEED = Math.floor(Math.random() * 1e9)
const random = seededRandom([SEED, 2, 3, 4])

interface Buffer {
  readonly name: string
  readonly type: ElementType
  readonly shape: number[]
  readonly values: readonly number[]
}

function bytesOf({ type, values }: Pick<Buffer, 'type' | 'values'>): Uint8Array {
  const elements = elementsOf(type, new Uint8Array(values.length * ELEMENT_BYTES[type]))
  elements.set(values)
  return new Uint8Array(elements.buffer)
}

function unparsed(verify: BuiltInVerifier, inputs: readonly Buffer[], outputs: readonly Buffer[], unitCount: number): unknown {
  return {
    v: 1,
    name: 'verified',
    title: 'Verified',
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'k', abi: 1, js: { blob: blobRef(new Uint8Array(1)) } },
    params: {},
    unitCount,
    inputs: inputs.map((input) => ({ name: input.name, type: input.type, blob: blobRef(bytesOf(input)) })),
    outputs: outputs.map(({ name, type, shape }) => ({ name, type, shape })),
    verification: { policy: 'verifier', verify, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 1, outputBytes: 1_000_000, memoryBytes: 1 },
    unitOperations: 1
  } satisfies Record<keyof Omit<JobSpec, 'view' | 'requires' | 'priority'>, unknown>
}

function verdict(verify: BuiltInVerifier, inputs: readonly Buffer[], outputs: readonly Buffer[], unit = 0, unitCount = 1): Verdict {
  const spec = jobSpecSchema.parse(unparsed(verify, inputs, outputs, unitCount))
  const value = Uint8Array.from(outputs.flatMap((output) => [...bytesOf(output)]))
  return verifyValue(verify, spec, unit, value, new Map(inputs.map((input) => [input.name, bytesOf(input)])), random)
}

function issues(verify: BuiltInVerifier, inputs: readonly Buffer[], outputs: readonly Buffer[], unitCount = 1): string[] {
  const parsed = jobSpecSchema.safeParse(unparsed(verify, inputs, outputs, unitCount))
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const words = (...numbers: bigint[]): number[] => numbers.flatMap((n) => [Number(n & 0xffffffffn), Number(n >> 32n)])

describe(`verifiers (seed ${SEED})`, () => {
  describe('freivalds', () => {
    const verify = (rounds?: number): BuiltInVerifier => ({
      kind: 'freivalds',
      a: 'a',
      b: 'b',
      c: 'c',
      inner: 2,
      ...(rounds && { rounds })
    })
    const matrix = (name: string, type: ElementType, values: number[]): Buffer => ({ name, type, shape: [2, 2], values })

    it.each(['f32', 'f64', 'i32', 'u32'] as const)('knows the product of two by two matrices of %s', (type) => {
      const [a, b] = [matrix('a', type, [1, 2, 3, 4]), matrix('b', type, [5, 6, 7, 8])]
      expect(verdict(verify(), [a, b], [matrix('c', type, [19, 22, 43, 50])])).toMatchObject({ pass: true })
      expect(verdict(verify(), [a, b], [matrix('c', type, [19, 22, 43, 51])])).toMatchObject({ pass: false })
      expect(verdict(verify(), [a, b], [matrix('c', type, [0, 0, 0, 0])])).toMatchObject({ pass: false })
    })

    it('wraps integers as kernels do', () => {
      const [a, b] = [matrix('a', 'u32', [4_294_967_295, 0, 0, 65_536]), matrix('b', 'u32', [2, 0, 0, 65_537])]
      expect(verdict(verify(), [a, b], [matrix('c', 'u32', [4_294_967_294, 0, 0, 65_536])])).toMatchObject({ pass: true })
    })

    it('catches an error in the highest bit, which doubled would wrap to nothing', () => {
      const [a, b] = [matrix('a', 'u32', [1, 0, 0, 1]), matrix('b', 'u32', [1, 0, 0, 1])]
      expect(verdict(verify(64), [a, b], [matrix('c', 'u32', [2_147_483_649, 0, 0, 1])])).toMatchObject({ pass: false })
    })

    it('lets products in f32 pass that were summed in any order, and finds one element that is off by a hundredth of a percent', () => {
      const n = 48
      const draw = (type: ElementType) =>
        Array.from({ length: n * n }, () => (type === 'f32' ? Math.fround(random() * 2 - 1) : random() * 2 - 1))
      const square = (name: string, values: number[]): Buffer => ({ name, type: 'f32', shape: [n, n], values })
      const check: BuiltInVerifier = { kind: 'freivalds', a: 'a', b: 'b', c: 'c', inner: n }
      let passed = 0
      let caught = 0
      for (let round = 0; round < 40; round++) {
        const [a, b] = [draw('f32'), draw('f32')]
        const product = Array.from({ length: n * n }, (_, at) => {
          let sum = 0
          for (let k = 0; k < n; k++) {
            const inner = round % 2 === 0 ? k : n - 1 - k
            sum = Math.fround(sum + Math.fround((a[Math.floor(at / n) * n + inner] ?? 0) * (b[inner * n + (at % n)] ?? 0)))
          }
          return sum
        })
        const inputs = [square('a', a), square('b', b)]
        if (verdict(check, inputs, [square('c', product)]).pass === true) passed++
        const at = Math.floor(random() * n * n)
        // Of the 576, on average, that the products of a row add up to.
        const wrong = product.with(at, (product[at] ?? 0) + 1e-4 * 576)
        if (verdict(check, inputs, [square('c', wrong)]).pass === false) caught++
      }
      expect({ passed, caught }).toEqual({ passed: 40, caught: 40 })
    })

    it('misses a wrong product in one round about half of the time, and in eight rounds about once in 256', () => {
      const [a, b] = [matrix('a', 'i32', [1, 0, 0, 1]), matrix('b', 'i32', [1, 0, 0, 1])]
      const missed = (rounds: number, tries: number): number => {
        let count = 0
        for (let i = 0; i < tries; i++) if (verdict(verify(rounds), [a, b], [matrix('c', 'i32', [1, 7, 0, 1])]).pass === true) count++
        return count / tries
      }
      // Six standard deviations.
      expect(Math.abs(missed(1, 2_000) - 0.5)).toBeLessThan(0.067)
      expect(missed(8, 4_000)).toBeLessThan(1 / 256 + 0.006)
    }, 20_000)

    it('refuses NaN and infinities that the inputs do not explain, and says nothing when they do', () => {
      const [a, b] = [matrix('a', 'f32', [1, 2, 3, 4]), matrix('b', 'f32', [5, 6, 7, 8])]
      for (const bad of [NaN, Infinity]) {
        expect(verdict(verify(), [a, b], [matrix('c', 'f32', [bad, 22, 43, 50])])).toMatchObject({ pass: false })
        expect(verdict(verify(), [matrix('a', 'f32', [bad, 1, 1, 1]), b], [matrix('c', 'f32', [19, 22, 43, 50])])).toMatchObject({
          pass: null
        })
      }
    })

    it('reads the part of an input that belongs to the unit', () => {
      const a: Buffer = { name: 'a', type: 'f64', shape: [4, 2], values: [0, 0, 0, 0, 1, 2, 3, 4] }
      const b = matrix('b', 'f64', [5, 6, 7, 8])
      const c = matrix('c', 'f64', [19, 22, 43, 50])
      expect([0, 1].map((unit) => verdict(verify(), [a, b], [c], unit, 2).pass)).toEqual([false, true])
    })

    it('refuses sizes and types that do not fit', () => {
      const [a, b, c] = [matrix('a', 'f32', [1, 2, 3, 4]), matrix('b', 'f32', [5, 6, 7, 8]), matrix('c', 'f32', [0, 0, 0, 0])]
      expect(issues(verify(), [{ ...a, values: [1, 2, 3] }, b], [c])).toEqual([
        'verification.verify.a: names "a" with 3 elements, which must have 4, or 4 for each unit'
      ])
      expect(issues(verify(), [a, { ...b, type: 'f64' }], [c])).toEqual(['verification.verify.b: names "b" of type f64, which must be f32'])
      expect(issues(verify(), [a, b], [{ ...c, shape: [4] }])).toContain('verification.verify.c: must have the shape [rows, columns]')
      expect(issues(verify(), [a], [c, { ...b, name: 'b' }])).toEqual(['verification.verify.b: names "b", which is not an input'])
    })
  })

  describe('residual', () => {
    const verify: BuiltInVerifier = { kind: 'residual', a: 'a', b: 'b', x: 'x' }
    const a: Buffer = { name: 'a', type: 'f64', shape: [4], values: [2, 1, 1, 3] }
    const b: Buffer = { name: 'b', type: 'f64', shape: [2], values: [3, 5] }
    const x = (values: number[]): Buffer => ({ name: 'x', type: 'f64', shape: [2], values })

    it('knows a solution, and one that is off in the tenth digit', () => {
      expect(verdict(verify, [a, b], [x([0.8, 1.4])])).toMatchObject({ pass: true })
      expect(verdict(verify, [a, b], [x([0.8, 1.4000000001])])).toMatchObject({ pass: false })
      expect(verdict({ ...verify, bound: 1e-6 }, [a, b], [x([0.8, 1.4000000001])])).toMatchObject({ pass: true })
    })

    it('is not fooled by what is not finite or overflows', () => {
      for (const bad of [NaN, Infinity, 1e308, -1.7e308]) expect(verdict(verify, [a, b], [x([bad, bad])])).toMatchObject({ pass: false })
      expect(
        verdict(
          verify,
          [
            { ...a, values: [1, -1, 1, -1] },
            { ...b, values: [0, 0] }
          ],
          [x([1.5e308, 1.5e308])]
        )
      ).toMatchObject({ pass: false })
    })
  })

  describe('factors', () => {
    const verify: BuiltInVerifier = { kind: 'factors', number: { first: 360, step: 7 }, factors: 'f' }
    const list = (...numbers: bigint[]): Buffer => ({
      name: 'f',
      type: 'u32',
      shape: [6, 2],
      values: [...words(...numbers), ...Array.from({ length: 12 - 2 * numbers.length }, () => 0)]
    })

    it('knows 360 = 2·2·2·3·3·5 and 367, which is prime', () => {
      expect(verdict(verify, [], [list(2n, 2n, 2n, 3n, 3n, 5n)])).toMatchObject({ pass: true })
      expect(verdict(verify, [], [list(367n)], 1, 2)).toMatchObject({ pass: true })
    })

    it.each([
      ['a composite one', [4n, 2n, 9n, 5n]],
      ['one that is missing', [2n, 2n, 2n, 3n, 3n]],
      ['another order', [5n, 3n, 3n, 2n, 2n, 2n]],
      ['the number itself', [360n]],
      ['nothing', []],
      ['too large a one', [2n ** 64n - 59n]],
      ['ones', [1n, 2n, 2n, 2n, 3n, 3n]],
      ['a gap', [2n, 0n, 180n]]
    ])('refuses %s', (_name, factors) => {
      expect(verdict(verify, [], [list(...factors)])).toMatchObject({ pass: false })
    })

    it('takes numbers up to 2^64 from an input', () => {
      const n = 4294967291n * 4294967279n
      const input: Buffer = { name: 'n', type: 'u32', shape: [2], values: words(n) }
      const large: BuiltInVerifier = { kind: 'factors', number: 'n', factors: 'f' }
      expect(verdict(large, [input], [list(4294967279n, 4294967291n)])).toMatchObject({ pass: true })
      expect(verdict(large, [input], [list(n)])).toMatchObject({ pass: false })
    })

    it('tells primes from strong pseudoprimes', () => {
      // Strong pseudoprimes to the bases 2; 2 to 7; 2 to 17; and the largest prime below 2^64.
      expect([2047n, 3_215_031_751n, 341_550_071_728_321n, 3_825_123_056_546_413_051n].map(isPrime)).toEqual([false, false, false, false])
      expect([2n, 37n, 41n, 2n ** 61n - 1n, 18_446_744_073_709_551_557n].map(isPrime)).toEqual([true, true, true, true, true])
      const small = Array.from({ length: 200 }, (_, n) => n).filter((n) => isPrime(BigInt(n)))
      expect(small).toHaveLength(46)
      expect(small.at(-1)).toBe(199)
    })
  })

  describe('preimage', () => {
    const verify: BuiltInVerifier = { kind: 'preimage', prefix: 'p', nonce: 'n', bits: 10 }
    const p: Buffer = { name: 'p', type: 'u8', shape: [3], values: [112, 99, 33] }
    const n = (value: number): Buffer => ({ name: 'n', type: 'u32', shape: [1], values: [value] })
    const isFound = (nonce: number, unit: number): boolean => {
      const digest = preimageDigest(bytesOf(p), unit, bytesOf(n(nonce)))
      return digest[0] === 0 && (digest[1] ?? 255) < 64
    }

    it('counts the zeros, and binds a find to its unit', () => {
      let nonce = 0
      while (!isFound(nonce, 3) || isFound(nonce, 4)) nonce++
      expect(verdict(verify, [p], [n(nonce)], 3, 9)).toMatchObject({ pass: true })
      expect(verdict(verify, [p], [n(nonce)], 4, 9)).toMatchObject({ pass: false })
    })

    it('lets a guess pass once in 2^bits', () => {
      const guesses = 4_096
      let passed = 0
      for (let i = 0; i < guesses; i++) if (verdict({ ...verify, bits: 4 }, [p], [n(i)]).pass === true) passed++
      expect(Math.abs(passed / guesses - 1 / 16)).toBeLessThan(0.023)
    })
  })

  describe('sorted', () => {
    const verify: BuiltInVerifier = { kind: 'sorted', of: 'in', values: 'v', order: 'o' }
    const input = (values: number[]): Buffer => ({ name: 'in', type: 'f32', shape: [values.length], values })
    const v = (values: number[]): Buffer => ({ name: 'v', type: 'f32', shape: [values.length], values })
    const o = (values: number[]): Buffer => ({ name: 'o', type: 'u32', shape: [values.length], values })

    it('knows the one right answer, equals in their order', () => {
      expect(verdict(verify, [input([3, 1, 2, 1])], [v([1, 1, 2, 3]), o([1, 3, 2, 0])])).toMatchObject({ pass: true })
    })

    it.each([
      ['equals exchanged', [1, 1, 2, 3], [3, 1, 2, 0]],
      ['a descent', [3, 2, 1, 1], [0, 2, 1, 3]],
      ['a number that was not there', [1, 1, 2, 4], [1, 3, 2, 0]],
      ['one place twice', [1, 1, 2, 3], [1, 1, 2, 0]],
      ['a place outside', [1, 1, 2, 3], [1, 3, 2, 4_000_000_000]],
      ['NaN', [NaN, NaN, NaN, NaN], [0, 1, 2, 3]]
    ])('refuses %s', (_name, values, order) => {
      expect(verdict(verify, [input([3, 1, 2, 1])], [v(values), o(order)])).toMatchObject({ pass: false })
    })

    it('says nothing of an input with NaN, and refuses lists of other lengths', () => {
      expect(verdict(verify, [input([NaN, 1])], [v([1, NaN]), o([1, 0])])).toMatchObject({ pass: null })
      expect(issues(verify, [input([1, 2])], [v([1, 2]), o([0])])).toEqual(['verification.verify.order: must have as many elements as "v"'])
    })
  })

  it('does not pass a value of another length', () => {
    const spec = jobSpecSchema.parse(
      unparsed({ kind: 'preimage', nonce: 'n', bits: 1 }, [], [{ name: 'n', type: 'u8', shape: [4], values: [] }], 1)
    )
    expect(verifyValue({ kind: 'preimage', nonce: 'n', bits: 1 }, spec, 0, new Uint8Array(5), new Map(), random)).toMatchObject({
      pass: false
    })
  })
})
