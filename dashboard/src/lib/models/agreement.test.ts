import { AGREEMENT_BINS, type AgreementHistogram } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { agreementPlot, agreementRows, agreementSummary } from './agreement.ts'

function histogram(parts: {
  identical?: number
  agreeing?: [number, number]
  rejected?: [number, number]
  incomparable?: number
}): AgreementHistogram {
  const bins = Array.from({ length: AGREEMENT_BINS }, (_, index) => ({
    agreeing: parts.agreeing?.[0] === index ? parts.agreeing[1] : 0,
    rejected: parts.rejected?.[0] === index ? parts.rejected[1] : 0
  }))
  return { identical: parts.identical ?? 0, bins, incomparable: parts.incomparable ?? 0 }
}
const some = histogram({ identical: 5_790, agreeing: [4, 310], rejected: [17, 8], incomparable: 3 })

describe('the agreement histogram', () => {
  it('has what is rejected right of the bound, and what agrees left of it', () => {
    const { bars, boundX } = agreementPlot(some, 600, 168)
    for (const { kind, x, width } of bars) {
      if (kind === 'rejected') expect(x).toBeGreaterThan(boundX)
      else expect(x + width).toBeLessThanOrEqual(boundX)
    }
  })

  it('cuts the bar of identical results where it would press the others flat, and no other', () => {
    const { bars } = agreementPlot(some, 600, 168)
    expect(bars.map(({ kind, isBroken }) => [kind, isBroken])).toEqual([
      ['identical', true],
      ['agreeing', false],
      ['rejected', false],
      ['rejected', false]
    ])
    expect(agreementPlot(histogram({ identical: 12, agreeing: [4, 10] }), 600, 168).bars.some(({ isBroken }) => isBroken)).toBe(false)
  })

  it('stays inside the figure at every width, and shows a single result', () => {
    for (const width of [280, 360, 1_200]) {
      const { bars, ticks, baseY } = agreementPlot(histogram({ identical: 90_000, rejected: [23, 1] }), width, 168)
      for (const bar of bars) {
        expect(bar.x).toBeGreaterThanOrEqual(0)
        expect(bar.x + bar.width).toBeLessThanOrEqual(width)
        expect(bar.y).toBeGreaterThan(0)
        expect(bar.y + bar.height).toBeCloseTo(baseY)
        expect(bar.height).toBeGreaterThanOrEqual(3)
      }
      expect(ticks.map(({ label }) => label)).toContain('bound')
    }
  })

  it('says the same in words and as a table', () => {
    expect(agreementSummary(some)).toBe(
      'Distance of the other results from the kept one: 5\u202f790 identical, 310\u00a0differ within the bound, 11 rejected.'
    )
    expect(agreementSummary(histogram({}))).toBe('No unit has a second result yet.')
    expect(agreementRows(some)).toEqual([
      { distance: 'identical', agreeing: 5_790, rejected: 0 },
      { distance: '1e-6 to 3e-6', agreeing: 310, rejected: 0 },
      { distance: '3e+0 to 1e+1', agreeing: 0, rejected: 8 },
      { distance: 'cannot be measured', agreeing: 0, rejected: 3 }
    ])
  })
})
