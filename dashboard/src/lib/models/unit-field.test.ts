import { describe, expect, it } from 'vitest'
import { spec } from '../../../dev/fixture-jobs.ts'
import { UnitField } from './unit-field.ts'
import { CELL } from './unit-map.ts'

function counts(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer)
}

describe('what is known of the units', () => {
  it('turns an own answer into a verified one, and never back', () => {
    const field = new UnitField(spec('queens'))
    field.propose(3, counts(5))
    expect([field.states[3], field.provisional.get(3)?.[0]]).toEqual([CELL.provisional, 5])
    field.settle(3, counts(6))
    field.propose(3, counts(5))
    expect([field.states[3], field.verified.get(3)?.[0], field.provisional.size, field.own.has(3)]).toEqual([CELL.validated, 6, 0, true])
  })

  it('keeps the least value of a surface cell', () => {
    const field = new UnitField(spec('keeling'))
    field.settle(0, new Uint8Array(Float64Array.from({ length: 64 }, (_, index) => 100 - index).buffer))
    expect(field.verified.get(0)).toEqual(Float64Array.of(37))
  })

  it('skips what is settled when it looks for open units', () => {
    const field = new UnitField(spec('queens'))
    for (const unit of [0, 1, 2]) field.settle(unit, counts(1))
    expect([field.nextOpen(0, 72), field.nextOpen(1, 3), field.nextOpen(5, 72)]).toEqual([3, 3, 5])
  })

  it('ignores units outside the job and values of another length', () => {
    const field = new UnitField(spec('queens'))
    field.settle(72, counts(1))
    field.settle(1, counts(1, 2))
    expect([field.verified.size, field.states[1]]).toEqual([0, CELL.validated])
  })

  it('keeps nothing of a job that is too large to be drawn', () => {
    const field = new UnitField({ ...spec('queens'), unitCount: 1_000_000_000 })
    field.settle(5, counts(1))
    expect([field.layout, field.states.length, field.verified.size]).toEqual([null, 0, 0])
  })
})
