/** How much less a host is believed that has failed, by all its comparisons. */
import { expect, it } from 'vitest'
import { doubtAfterFailures, doubtOf } from './credibility.ts'
import { SOUND_ERROR_RATE } from './suspicion.ts'

const doubt = (checks: number, failures: number, suspects = 0.1) => doubtAfterFailures({ checks, failures }, suspects, SOUND_ERROR_RATE)

it('a host that has failed is never doubted more than one of which nothing is known', () => {
  for (const [checks, failures] of [
    [1, 1],
    [10, 3],
    [500, 500],
    [1_000, 1]
  ] as const)
    for (const suspects of [0.001, 0.1, 0.4]) {
      expect(doubt(checks, failures, suspects)).toBeLessThanOrEqual(doubtOf(0, suspects))
      expect(doubt(checks, failures, suspects)).toBeGreaterThanOrEqual(0)
    }
})

it('it needs more agreements than a host without failures, and the more failures the more', () => {
  const agreementsUntilBelieved = (failures: number) => {
    let checks = failures
    while (doubt(checks, failures) > 0.001) checks++
    return checks
  }
  const [none, one, two] = [agreementsUntilBelieved(0), agreementsUntilBelieved(1), agreementsUntilBelieved(2)]
  expect(none).toBeLessThan(60)
  expect(one).toBeGreaterThan(2 * none)
  expect(two).toBeGreaterThan(1.5 * one)
})

it('whoever is wrong in a hundredth of many comparisons is not believed alone, and whoever is in a thousandth is', () => {
  expect(doubt(2_000, 20)).toBeGreaterThan(0.001)
  expect(doubt(2_000, 2)).toBeLessThan(0.001)
})
