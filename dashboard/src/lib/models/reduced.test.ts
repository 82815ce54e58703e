import { describe, expect, it } from 'vitest'
import { cellInterval, findings, placesFor, splitLabel } from './reduced.ts'

const view = {
  kind: 'surface' as const,
  output: 'misfit',
  columns: 4,
  x: { label: 'trend, ppm per year', from: 1.2, to: 2 },
  y: { label: 'annual amplitude, ppm', from: 1.6, to: 3.6 }
}
const job = {
  unitCount: 8,
  state: 'completed' as const,
  units: { waiting: 0, inProgress: 0, validating: 0, validated: 8, errored: 0 },
  reduced: { kind: 'argmin' as const, value: 214.5, unit: 6, index: 3 }
}

describe('the best cell of a surface', () => {
  it('is found from the unit by the axes of the view', () => {
    const [x, y, misfit] = findings(job, view)
    expect(x).toEqual({ label: 'Trend', value: '1.70', unit: 'ppm per year', note: 'the best cell runs from 1.60 to 1.80' })
    expect(y).toMatchObject({ label: 'Annual amplitude', value: '3.1', unit: 'ppm' })
    expect(misfit).toMatchObject({ label: 'Smallest misfit', value: '214.5', note: 'unit 6, element 3, over all units' })
  })

  it('covers the axis without gaps', () => {
    expect(cellInterval(view.x, 0, 4).from).toBe(1.2)
    expect(cellInterval(view.x, 3, 4).to).toBeCloseTo(2, 12)
    expect(cellInterval(view.x, 1, 4).from).toBe(cellInterval(view.x, 0, 4).to)
  })
})

describe('a sum', () => {
  it('is exact beyond 2^53 and says how much of it is there', () => {
    const partial = { ...job, units: { ...job.units, validated: 3 }, reduced: { kind: 'sum' as const, sum: '9007199254740993' } }
    expect(findings(partial, { kind: 'number', label: 'Solutions' })).toEqual([
      { label: 'Solutions', value: '9\u202f007\u202f199\u202f254\u202f740\u202f993', unit: '', note: 'exact, over 3 of 8 units so far' }
    ])
  })
})

describe('a job without a validated unit', () => {
  it('has no finding, rather than a zero', () => {
    expect(findings({ ...job, units: { ...job.units, validated: 0 }, reduced: { kind: 'sum', sum: '0' } }, undefined)).toEqual([])
  })
})

describe('labels and decimals', () => {
  it('split the unit off', () => {
    expect(splitLabel('trend (ppm/yr)')).toEqual({ name: 'trend', unit: 'ppm/yr' })
    expect(splitLabel('phase')).toEqual({ name: 'phase', unit: '' })
  })

  it('show one digit more than the step', () => {
    expect([placesFor(0.2), placesFor(0.0064), placesFor(25), placesFor(0)]).toEqual([2, 4, 0, 0])
  })
})
