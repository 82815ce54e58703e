import { expect, it } from 'vitest'
import { announceIntervalMs } from './announce-interval.ts'

it.each([
  [1, 1_000],
  [30, 1_000],
  [32, 1_000],
  [33, 1_056],
  [100, 9_900],
  [300, 269_100],
  [2_000, 79_960_000]
])('lets each of %i peers announce itself every %i ms', (peers, ms) => {
  expect(announceIntervalMs(peers)).toBe(ms)
})

it('keeps what a relay forwards at 1 000 announcements a second, whatever the crowd', () => {
  for (let peers = 1; peers <= 5_000; peers++) {
    expect(peers * (peers - 1) * 1_000).toBeLessThanOrEqual(announceIntervalMs(peers) * 1_000)
  }
})
