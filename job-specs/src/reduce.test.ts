import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyReduced, reduceUnit } from './reduce.ts'
import type { OutputSpec } from './kernel.ts'
import { reducedSchema, type Reduced, type Reducer } from './verification.ts'

const counts: OutputSpec[] = [
  { name: 'other', type: 'u8', shape: [1] },
  { name: 'count', type: 'u32', shape: [2] }
]
const misfits: OutputSpec[] = [{ name: 'misfit', type: 'f32', shape: [3] }]
const sum: Reducer = { kind: 'sum', output: 'count' }
const argmin: Reducer = { kind: 'argmin', output: 'misfit' }
const countValue = (a: number, b: number) => Uint8Array.of(99, ...new Uint8Array(new Uint32Array([a, b]).buffer))
const misfitValue = (values: readonly number[]) => new Uint8Array(new Float32Array(values).buffer)

interface Settled {
  readonly unit: number
  readonly value: Uint8Array
}
const fold = (reducer: Reducer, outputs: readonly OutputSpec[], settled: readonly Settled[]) =>
  settled.reduce((current, { unit, value }) => reduceUnit(reducer, outputs, current, unit, value), emptyReduced(reducer))

describe('reduceUnit()', () => {
  it('sums past 2^53 without losing a unit', () => {
    const settled = Array.from({ length: 5 }, (_, unit) => ({ unit, value: countValue(4_294_967_295, 4_294_967_294) }))
    const start: Reduced = { kind: 'sum', sum: (2n ** 60n + 1n).toString() }
    const total = settled.reduce<Reduced>((current, { unit, value }) => reduceUnit(sum, counts, current, unit, value), start)
    expect(total).toEqual({ kind: 'sum', sum: (2n ** 60n + 1n + 5n * 8_589_934_589n).toString() })
  })

  it('sums negative numbers of a signed output', () => {
    const outputs: OutputSpec[] = [{ name: 'count', type: 'i32', shape: [2] }]
    expect(reduceUnit(sum, outputs, emptyReduced(sum), 0, new Uint8Array(new Int32Array([-5, 2]).buffer))).toEqual({
      kind: 'sum',
      sum: '-3'
    })
  })

  it('finds the smallest element with its unit and index', () => {
    const settled = [
      { unit: 4, value: misfitValue([9, 3, 7]) },
      { unit: 2, value: misfitValue([8, 8, 2.5]) },
      { unit: 9, value: misfitValue([3, 3, 3]) }
    ]
    expect(fold(argmin, misfits, settled)).toEqual({ kind: 'argmin', value: 2.5, unit: 2, index: 2 })
  })

  it('breaks ties by the lowest unit, then the lowest index', () => {
    const settled = [
      { unit: 7, value: misfitValue([1, 1, 1]) },
      { unit: 3, value: misfitValue([5, 1, 1]) },
      { unit: 5, value: misfitValue([1, 1, 1]) }
    ]
    expect(fold(argmin, misfits, settled)).toEqual({ kind: 'argmin', value: 1, unit: 3, index: 1 })
  })

  it('gives the same result in any order of settling', () => {
    const element = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 0))
    const units = fc.uniqueArray(fc.record({ unit: fc.nat(1000), elements: fc.array(element, { minLength: 3, maxLength: 3 }) }), {
      selector: ({ unit }) => unit,
      maxLength: 12
    })
    const shuffled = units.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })))
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const settle = (list: typeof one) => list.map(({ unit, elements }) => ({ unit, value: misfitValue(elements) }))
        const result = fold(argmin, misfits, settle(one))
        expect(fold(argmin, misfits, settle(other))).toEqual(result)
        expect(JSON.parse(JSON.stringify(result))).toEqual(result)
        expect(reducedSchema.safeParse(result).success).toBe(true)

        const tally = (list: typeof one) => list.map(({ unit }) => ({ unit, value: countValue(unit, unit * 3) }))
        expect(fold(sum, counts, tally(other))).toEqual({
          kind: 'sum',
          sum: one.reduce((total, { unit }) => total + unit * 4, 0).toString()
        })
      })
    )
  })

  it('ignores NaN and infinities, and stays empty when there is nothing else', () => {
    expect(fold(argmin, misfits, [{ unit: 0, value: misfitValue([Number.NaN, Infinity, -Infinity]) }])).toEqual({
      kind: 'argmin',
      value: null,
      unit: null,
      index: null
    })
  })

  it('leaves a job without a reducer alone', () => {
    expect(fold({ kind: 'none' }, counts, [{ unit: 0, value: countValue(1, 2) }])).toEqual({ kind: 'none' })
  })

  it('refuses to continue the value of another reducer', () => {
    expect(() => reduceUnit(sum, counts, emptyReduced(argmin), 0, countValue(1, 2))).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })
})
