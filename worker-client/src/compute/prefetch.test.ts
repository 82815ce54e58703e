import { describe, expect, it } from 'vitest'
import { prefetchSeconds } from './prefetch.ts'

describe('prefetchSeconds', () => {
  it.each([
    ['short units nearby', 10, 0.001, 2],
    ['short units far away', 4_000, 0.001, 12.002],
    ['units of a second', 100, 1, 2.3],
    ['units of minutes', 100, 300, 30]
  ])('holds enough of %s, and not too much', (_name, roundTripMs, unitSeconds, seconds) => {
    expect(prefetchSeconds({ roundTripMs, unitSeconds })).toBeCloseTo(seconds)
  })
})
