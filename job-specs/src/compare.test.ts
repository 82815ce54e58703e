import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareValues, MAX_DIFFERENCE } from './compare.ts'
import type { OutputSpec } from './kernel.ts'
import type { Comparator } from './verification.ts'

const exact: Comparator = { kind: 'exact' }
const tolerance = (absolute: number, relative = 0): Comparator => ({ kind: 'tolerance', absolute, relative })
const one: OutputSpec[] = [{ name: 'x', type: 'f64', shape: [1] }]
const floats = (...values: number[]) => new Uint8Array(new Float64Array(values).buffer)
const verdict = (comparator: Comparator, a: number, b: number) => compareValues(comparator, one, floats(a), floats(b)).agree

const anyComparator: fc.Arbitrary<Comparator> = fc.oneof(
  fc.constant(exact),
  fc.record({
    kind: fc.constant('tolerance' as const),
    absolute: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    relative: fc.double({ min: 0, max: 1, noNaN: true })
  })
)
const anyNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE)
)

describe('compareValues()', () => {
  it('is symmetric', () => {
    fc.assert(
      fc.property(anyComparator, anyNumber, anyNumber, (comparator, a, b) => {
        const [there, back] = [compareValues(comparator, one, floats(a), floats(b)), compareValues(comparator, one, floats(b), floats(a))]
        expect([back.agree, back.metric, back.bound]).toEqual([there.agree, there.metric, there.bound])
      })
    )
  })

  it('is reflexive for any bytes, NaN and infinities included', () => {
    const outputs: OutputSpec[] = [
      { name: 'a', type: 'f32', shape: [2] },
      { name: 'b', type: 'u8', shape: [3] }
    ]
    fc.assert(
      fc.property(anyComparator, fc.uint8Array({ minLength: 11, maxLength: 11 }), (comparator, value) => {
        expect(compareValues(comparator, outputs, value, value.slice())).toMatchObject({ agree: true, metric: 0 })
      })
    )
  })

  it('agrees exactly when the metric is within the bound, and the metric is always finite', () => {
    fc.assert(
      fc.property(anyComparator, anyNumber, anyNumber, (comparator, a, b) => {
        const { agree, metric, bound } = compareValues(comparator, one, floats(a), floats(b))
        expect(agree).toBe(metric <= bound)
        expect(Number.isFinite(metric)).toBe(true)
      })
    )
  })

  it('follows |a − b| ≤ max(absolute, relative · max(|a|, |b|)) for finite numbers', () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    const small = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(finite, finite, small, small, (a, b, absolute, relative) => {
        expect(verdict(tolerance(absolute, relative), a, b)).toBe(
          Math.abs(a - b) <= Math.max(absolute, relative * Math.max(Math.abs(a), Math.abs(b)))
        )
      })
    )
  })

  it('takes a difference of exactly the tolerance and refuses the next larger one', () => {
    expect(verdict(tolerance(0.5), 1, 1.5)).toBe(true)
    expect(verdict(tolerance(0.5), 1, 1.5 + Number.EPSILON)).toBe(false)
    expect(verdict(tolerance(0, 0.5), 1, 2)).toBe(true)
    expect(verdict(tolerance(0, 0.5), 1, 2.0000001)).toBe(false)
  })

  it('lets NaN equal NaN only, and an infinity only itself, under the widest tolerance', () => {
    const widest = tolerance(Number.MAX_VALUE, 1)
    const strange = [Number.NaN, Infinity, -Infinity, 1]
    for (const a of strange) for (const b of strange) expect(verdict(widest, a, b)).toBe(Object.is(a, b))
  })

  it('takes −0 for 0 under a tolerance of nothing, but not byte by byte', () => {
    expect(verdict(tolerance(0), 0, -0)).toBe(true)
    expect(verdict(exact, 0, -0)).toBe(false)
  })

  it('lets different NaN bits agree under a tolerance only', () => {
    const quiet = Uint8Array.of(1, 0, 0, 0, 0, 0, 0xf8, 0x7f)
    expect(compareValues(tolerance(0), one, quiet, floats(Number.NaN)).agree).toBe(true)
    expect(compareValues(exact, one, quiet, floats(Number.NaN)).agree).toBe(false)
  })

  it('never lets a value of a wrong length agree, not even with itself', () => {
    const short = new Uint8Array(7)
    for (const comparator of [exact, tolerance(1e300, 1)]) {
      expect(compareValues(comparator, one, short, short)).toMatchObject({ agree: false, metric: MAX_DIFFERENCE })
      expect(compareValues(comparator, one, floats(1), floats(1, 2)).agree).toBe(false)
    }
  })

  it('names the worst element, in tolerances, over all outputs', () => {
    const outputs: OutputSpec[] = [
      { name: 'a', type: 'f64', shape: [2] },
      { name: 'b', type: 'f64', shape: [2] }
    ]
    const { agree, metric, detail } = compareValues(tolerance(0.5), outputs, floats(1, 2, 3, 4), floats(1, 2.25, 3, 6))
    expect({ agree, metric }).toEqual({ agree: false, metric: 4 })
    expect(detail).toContain('b[1]: 4 against 6')
  })

  it('counts the bytes that differ under exact', () => {
    expect(compareValues(exact, [{ name: 'n', type: 'u32', shape: [1] }], Uint8Array.of(1, 2, 3, 4), Uint8Array.of(1, 9, 3, 9))).toEqual({
      agree: false,
      metric: 2,
      bound: 0,
      detail: '2 of 4 bytes differ, the first at byte 1.'
    })
  })
})
