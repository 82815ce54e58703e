import type { JobId } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { createUnitPace } from './unit-pace.ts'

const job = (letter: string) => letter.repeat(64) as JobId
const [a, b] = [job('a'), job('b')]

describe('createUnitPace', () => {
  it('guesses from the first unit, and replaces the guess by what the clock says', () => {
    const pace = createUnitPace(4)
    expect([pace.of(a), pace.latest()]).toEqual([undefined, undefined])
    pace.begin(1_000)
    pace.count(a, 400, 1_001)
    expect(pace.of(a)).toBeCloseTo(0.1)
    for (let unit = 0; unit < 4; unit++) pace.count(a, 400, 1_400)
    // of the units that end together, the last three are counted with those after them
    expect(pace.of(a)).toBeCloseTo(0.2)
    pace.count(a, 400, 1_800)
    expect(pace.of(a)).toBeLessThan(0.2)
    pace.count(a, 400, 3_500)
    expect(pace.of(a)).toBeGreaterThan(1)
  })

  it('follows units that become a thousand times longer within one of them, and shorter ones within seconds', () => {
    const pace = createUnitPace(1)
    pace.begin(0)
    for (let ms = 10; ms <= 1_000; ms += 10) pace.count(a, 10, ms)
    expect(pace.of(a)).toBeCloseTo(0.01)
    pace.count(a, 10_000, 11_000)
    expect(pace.of(a)).toBeGreaterThan(9)
    for (let ms = 11_010; ms <= 17_000; ms += 10) pace.count(a, 10, ms)
    expect(pace.of(a)).toBeLessThan(0.1)
  })

  it('shares the time among jobs by what they computed, and begins anew after a rest', () => {
    const pace = createUnitPace(1)
    pace.begin(0)
    for (let ms = 0; ms < 1_000; ms += 100) {
      pace.count(a, 90, ms + 90)
      pace.count(b, 10, ms + 100)
    }
    expect(pace.of(a)).toBeCloseTo(0.09, 1)
    expect(pace.of(b)).toBeCloseTo(0.01, 1)
    pace.count(b, 10, 2_000)
    expect(pace.latest()).toBe(pace.of(b))
    const before = pace.of(a) ?? 0
    pace.begin(1_000_000)
    pace.count(a, 90, 1_000_090)
    expect(pace.of(a)).toBe(before)
  })

  it('forgets the jobs that it has not met for longest', () => {
    const pace = createUnitPace(1)
    pace.begin(0)
    pace.count(a, 1, 300)
    for (let other = 0; other < 64; other++) pace.count(String(other).padStart(64, '0') as JobId, 1, 600 + 300 * other)
    expect(pace.of(a)).toBeUndefined()
  })
})
