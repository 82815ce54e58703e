import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareResults, compareValues, MAX_DIFFERENCE } from './compare.ts'
import type { OutputSpec } from './kernel.ts'
import { comparatorSchema, ULP_MAX, type Comparator } from './verification.ts'

const exact: Comparator = { kind: 'exact' }
const tolerance = (absolute: number, relative = 0): Comparator => ({ kind: 'tolerance', absolute, relative })
const ulp = (max: number): Comparator => ({ kind: 'ulp', max })
const one: OutputSpec[] = [{ name: 'x', type: 'f64', shape: [1] }]
const floats = (...values: number[]) => new Uint8Array(new Float64Array(values).buffer)
const verdict = (comparator: Comparator, a: number, b: number) => compareValues(comparator, one, floats(a), floats(b)).agree

describe('compareValues() under exact and tolerance', () => {
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
    for (const comparator of [exact, tolerance(1e300, 1), ulp(ULP_MAX)]) {
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
      detail: '2 of 4 bytes differ, the first at byte 1, in n[0]: 67305985 against 151193857.'
    })
  })
})

describe('compareValues() under ulp', () => {
  const single: OutputSpec[] = [{ name: 'x', type: 'f32', shape: [1] }]
  const singles = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer)
  const metric = (a: number, b: number) => compareValues(ulp(4), one, floats(a), floats(b)).metric

  it('counts the representable numbers from one to the other, in the type of the output', () => {
    expect(metric(1, 1 + Number.EPSILON)).toBe(1)
    expect(metric(1, 1 - Number.EPSILON / 2)).toBe(1)
    expect(compareValues(ulp(4), single, singles(1), singles(1 + 3 * 2 ** -23))).toEqual({
      agree: true,
      metric: 3,
      bound: 4,
      detail: 'Largest difference at x[0]: 1 against 1.0000003576278687: 3 ULP, permitted are 4.'
    })
    expect(compareValues(ulp(4), single, singles(1), singles(1 + 5 * 2 ** -23))).toMatchObject({ agree: false, metric: 5, bound: 4 })
  })

  it('counts through subnormals and through zero, where −0 and 0 are one number', () => {
    expect(metric(0, -0)).toBe(0)
    expect(metric(Number.MIN_VALUE, 0)).toBe(1)
    expect(metric(Number.MIN_VALUE, -Number.MIN_VALUE)).toBe(2)
    expect(metric(2 ** -1022, 2 ** -1022 - Number.MIN_VALUE)).toBe(1)
    expect(compareValues(ulp(4), single, singles(2 ** -149), singles(-(2 ** -149))).metric).toBe(2)
    expect(compareValues(ulp(4), single, singles(-1), singles(-1 - 2 ** -23)).metric).toBe(1)
  })

  it('keeps infinities and NaN to themselves though the largest number is one step from infinity', () => {
    const strange = [Number.NaN, Infinity, -Infinity, Number.MAX_VALUE]
    for (const a of strange) for (const b of strange) expect(metric(a, b)).toBe(Object.is(a, b) ? 0 : MAX_DIFFERENCE)
  })

  it('wants integers to be equal', () => {
    const outputs: OutputSpec[] = [{ name: 'n', type: 'i32', shape: [2] }]
    expect(compareValues(ulp(ULP_MAX), outputs, Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0), Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0))).toEqual({
      agree: false,
      metric: MAX_DIFFERENCE,
      bound: ULP_MAX,
      detail: 'Largest difference at n[1]: 2 against 3: no bound permits that.'
    })
  })
})

describe('compareValues() under statistical', () => {
  const outputs: OutputSpec[] = [
    { name: 'mean', type: 'f64', shape: [1] },
    { name: 'error', type: 'f64', shape: [1] },
    { name: 'samples', type: 'f64', shape: [1] }
  ]
  const statistical = (z: number, errorRatio?: number): Comparator => ({
    kind: 'statistical',
    z,
    estimates: [{ mean: 'mean', standardError: 'error' }],
    ...(errorRatio === undefined ? {} : { errorRatio })
  })
  const compared = (comparator: Comparator, a: [number, number, number], b: [number, number, number]) =>
    compareValues(comparator, outputs, floats(...a), floats(...b))

  it('measures means in standard errors of their difference', () => {
    expect(compared(statistical(2), [10, 3, 100], [20, 4, 100])).toEqual({
      agree: true,
      metric: 2,
      bound: 2,
      detail: 'Largest difference at mean[0]: 10 against 20: 2 standard errors, permitted are 2.'
    })
    expect(compared(statistical(2), [10, 3, 100], [20.1, 4, 100]).agree).toBe(false)
  })

  it('gives the same at every scale, where squares would overflow or vanish', () => {
    for (const scale of [1e-200, 1e200]) {
      expect(compared(statistical(2), [0, 3 * scale, 1], [10 * scale, 4 * scale, 1]).metric).toBeCloseTo(2, 12)
    }
  })

  it('refuses a standard error so wide that everything would agree, or none at all', () => {
    expect(compared(statistical(10), [1, 0.1, 100], [900, 1e300, 100])).toMatchObject({ agree: false, metric: MAX_DIFFERENCE })
    expect(compared(statistical(10), [1, 0.1, 100], [1, 0.3, 100])).toMatchObject({
      agree: false,
      detail: 'Largest difference at error[0]: 0.1 against 0.3: no bound permits that.'
    })
    expect(compared(statistical(10, 4), [1, 0.1, 100], [1, 0.3, 100]).agree).toBe(true)
    expect(compared(statistical(10), [1, 0.1, 100], [1, 0, 100]).agree).toBe(false)
  })

  it('takes equal means only where the standard error is zero, negative, infinite or NaN on both sides', () => {
    for (const error of [0, -1, Infinity, -Infinity, Number.NaN]) {
      expect(compared(statistical(10, 100), [1, error, 100], [1, error, 100]).agree, String(error)).toBe(true)
      expect(compared(statistical(10, 100), [1, error, 100], [1 + 1e-9, error, 100]).agree, String(error)).toBe(false)
    }
  })

  it('wants the outputs that belong to no estimate to be equal', () => {
    expect(compared(statistical(10), [1, 0.1, 100], [1, 0.1, 101])).toMatchObject({ agree: false, metric: MAX_DIFFERENCE })
    expect(compared(statistical(10), [1, 0.1, 0], [1, 0.1, -0]).agree).toBe(false)
  })
})

describe('compareResults()', () => {
  const result = (value: number, numericClass: string, probeVersion = 1) => ({ value: floats(value), numericClass, probeVersion })
  const loose: Comparator = { kind: 'tolerance', absolute: 1, relative: 0, withinClass: 'exact' }

  it('is strict within a numeric class and tolerant across, where the job says so', () => {
    expect(compareResults(loose, one, result(1, 'a'), result(1.5, 'a'))).toMatchObject({ agree: false, bound: 0 })
    expect(compareResults(loose, one, result(1, 'a'), result(1, 'a')).agree).toBe(true)
    expect(compareResults(loose, one, result(1, 'a'), result(1.5, 'b'))).toMatchObject({ agree: true, metric: 0.5, bound: 1 })
  })

  it('takes equal labels of different probes for different classes', () => {
    expect(compareResults(loose, one, result(1, 'a', 1), result(1.5, 'a', 2)).agree).toBe(true)
  })

  it('is tolerant everywhere for the specifications of before there was a choice', () => {
    expect(compareResults(tolerance(1), one, result(1, 'a'), result(1.5, 'a')).agree).toBe(true)
    expect(comparatorSchema.parse({ kind: 'tolerance', absolute: 1, relative: 0 })).toEqual({ kind: 'tolerance', absolute: 1, relative: 0 })
  })
})
