import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeState, encodeState } from './state-codec.ts'

const typed = fc.oneof(
  fc.float64Array(),
  fc.float32Array({ noNaN: true }),
  fc.uint8Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.bigInt64Array()
)
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, NaN, Infinity, -Infinity, 2 ** 53),
    fc.bigInt(),
    typed,
    fc.uint8Array().map((bytes) => bytes.slice().buffer),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true })
  )
})).value

describe('a state', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(plain, (state) => {
        expect(decodeState(encodeState(state))).toStrictEqual({ state })
      }),
      { numRuns: 300 }
    )
  })

  it('may hold a part of a larger buffer, and keys that mean something elsewhere', () => {
    const half = new Float64Array([1, 2, 3, 4]).subarray(1, 3)
    expect(decodeState(encodeState({ half }))).toStrictEqual({ state: { half: Float64Array.of(2, 3) } })
    const { state } = decodeState(encodeState(JSON.parse('{"__proto__": 1, "constructor": 2}'))) ?? {}
    expect(Object.getPrototypeOf(state)).toBe(Object.prototype)
    expect(Object.entries(state as object)).toEqual([
      ['__proto__', 1],
      ['constructor', 2]
    ])
  })

  it.each<[string, () => unknown, string]>([
    ['a function', () => ({ step: () => 1 }), 'cannot hold a function'],
    ['a symbol', () => [Symbol('x')], 'cannot hold a symbol'],
    ['a class of its own', (): unknown => Object.create({ inherited: 1 }), 'plain objects'],
    ['a Map', () => new Map(), 'plain objects'],
    [
      'itself',
      () => {
        const ring: unknown[] = []
        ring.push(ring)
        return ring
      },
      'holds itself'
    ],
    ['more than 16 MiB', () => new Uint8Array(16_777_216), 'larger than']
  ])('cannot hold %s', (_, make, words) => {
    expect(() => encodeState(make())).toThrow(words)
  })

  it('is refused when it is damaged, whatever was done to it', () => {
    const bytes = encodeState({ grid: Float64Array.of(1, 2, 3), step: 4, name: 'x' })
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = bytes.slice()
        damaged[at] = (damaged[at] ?? 0) ^ change
        expect(decodeState(damaged)).toBeNull()
        expect(decodeState(bytes.slice(0, at))).toBeNull()
      })
    )
    expect(decodeState(new Uint8Array([...bytes, 0]))).toBeNull()
  })

  it('is refused when it was made to mislead, without an allocation', () => {
    const forged = (payload: readonly number[]) => {
      const bytes = Uint8Array.from([0x50, 0x43, 0x53, 0x31, 0, 0, 0, 0, ...payload])
      let hash = 0x811c9dc5
      for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193)
      new DataView(bytes.buffer).setUint32(4, hash >>> 0, true)
      return bytes
    }
    expect(decodeState(forged([1]))).toEqual({ state: null })
    for (const tag of [5, 6, 7, 8, 9]) expect(decodeState(forged([tag, 0xff, 0xff, 0xff, 0xff]))).toBeNull()
    expect(decodeState(forged([10, 8, 3, 0, 0, 0, 1, 2, 3]))).toBeNull()
    expect(decodeState(forged(new Array<number[]>(100).fill([7, 1, 0, 0, 0]).flat()))).toBeNull()
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 60 }), (payload) => {
        decodeState(forged(payload))
      })
    )
  })
})
