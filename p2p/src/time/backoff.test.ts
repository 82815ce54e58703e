import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffDelay } from './backoff.ts'

const backoff = { baseMs: 250, capMs: 10_000 }

describe('backoffDelay', () => {
  it('doubles the span with each attempt up to the cap', () => {
    const almostOne = (): number => 0.999_999
    expect([0, 1, 2, 3, 4, 5, 6, 7, 1_000].map((attempt) => backoffDelay(backoff, attempt, almostOne))).toEqual([
      249, 499, 999, 1999, 3999, 7999, 9999, 9999, 9999
    ])
  })

  it('uses the whole span, from nothing to the cap, for ever', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, chance) => {
        const delay = backoffDelay(backoff, attempt, () => chance)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThan(10_000)
        expect(Number.isInteger(delay)).toBe(true)
      })
    )
    expect(backoffDelay(backoff, 9, () => 0)).toBe(0)
  })
})
