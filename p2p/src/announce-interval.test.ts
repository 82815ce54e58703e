import { expect, it } from 'vitest'
import { announceIntervalMs } from './announce-interval.ts'

it.each([
  [1, 1_000],
  [30, 1_000],
  [55, 1_000],
  [56, 1_027],
  [100, 3_300],
  [300, 29_900],
  [2_000, 1_332_667]
])('lets each of %i peers announce itself every %i ms', (peers, ms) => {
  expect(announceIntervalMs(peers)).toBe(ms)
})

it('keeps what a relay forwards at 3 000 announcements a second, whatever the crowd', () => {
  for (let peers = 1; peers <= 5_000; peers++) {
    expect(peers * (peers - 1) * 1_000).toBeLessThanOrEqual(announceIntervalMs(peers) * 3_000)
  }
})
