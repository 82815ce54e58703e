import type { JobId } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { prefetchSeconds } from './prefetch.ts'
import { createUnitPace } from './unit-pace.ts'

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

describe('createUnitPace', () => {
  const [a, b] = ['a', 'b'] as JobId[] as [JobId, JobId]

  it('begins with a guess, which the first measurement replaces and later ones smooth', () => {
    const pace = createUnitPace()
    expect(pace.of(a)).toBeUndefined()
    pace.guess(a, 5)
    pace.guess(a, 50)
    expect(pace.of(a)).toBe(5)
    pace.measure(a, 1)
    expect(pace.of(a)).toBe(1)
    pace.measure(a, 2)
    expect(pace.of(a)).toBeCloseTo(1.4)
  })

  it('knows which job was measured last', () => {
    const pace = createUnitPace()
    pace.measure(a, 1)
    pace.measure(b, 2)
    expect(pace.latest()).toBe(2)
    pace.measure(a, 1)
    expect(pace.latest()).toBe(1)
  })
})
