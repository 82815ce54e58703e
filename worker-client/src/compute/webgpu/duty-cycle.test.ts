import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DutyCycle } from './duty-cycle.ts'

const WATCHED_MS = 10_000
const POINT = 0.01
const BUSY_MS_MAX = 30
const LATE_MS_MAX = 20

interface Turn {
  readonly busyMs: number
  /** How late a timer comes, when one is needed before this turn. */
  readonly lateMs: number
}

const turnArb: fc.Arbitrary<Turn> = fc.record({
  busyMs: fc.double({ min: 1, max: BUSY_MS_MAX, noNaN: true }),
  lateMs: fc.double({ min: 0, max: LATE_MS_MAX, noNaN: true })
})
const shareArb = fc.double({ min: 0.1, max: 0.9, noNaN: true })

/** Milliseconds of work from `from` on, one thing at a time as the queue does it, as far as they lie before `to`. */
function busyBetween(duty: DutyCycle, turns: Iterator<Turn>, from: number, to: number): number {
  let now = from
  let busy = 0
  while (now < to) {
    const { busyMs, lateMs } = turns.next().value as Turn
    for (let restMs = duty.restMs(now); restMs > 0; restMs = duty.restMs(now)) now += restMs + lateMs
    busy += Math.max(0, Math.min(to, now + busyMs) - now)
    duty.spent(busyMs, now)
    now += busyMs
  }
  return busy
}

describe('the share of the time in which a device computes', () => {
  it('is within a point of what was lent over 10 s, however long the work and however late the timers', () => {
    fc.assert(
      fc.property(shareArb, fc.infiniteStream(turnArb), (share, turns) => {
        const duty = new DutyCycle()
        duty.lend(share)
        expect(Math.abs(busyBetween(duty, turns, 0, WATCHED_MS) / WATCHED_MS - share)).toBeLessThanOrEqual(POINT)
      })
    )
  })

  it('is within a point after it was lent anew', () => {
    fc.assert(
      fc.property(shareArb, shareArb, fc.infiniteStream(turnArb), (before, share, turns) => {
        const duty = new DutyCycle()
        duty.lend(before)
        busyBetween(duty, turns, 0, 1_000)
        duty.lend(share)
        const from = 1_000 + BUSY_MS_MAX
        expect(Math.abs(busyBetween(duty, turns, from, from + WATCHED_MS) / WATCHED_MS - share)).toBeLessThanOrEqual(POINT)
      })
    )
  })

  it('makes up for no more than one late timer after a long time without work', () => {
    fc.assert(
      fc.property(shareArb, fc.infiniteStream(turnArb), fc.double({ min: 1_000, max: 1e9, noNaN: true }), (share, turns, awayMs) => {
        const duty = new DutyCycle()
        duty.lend(share)
        busyBetween(duty, turns, 0, 1_000)
        const from = 1_000 + BUSY_MS_MAX + awayMs
        const watchedMs = 500
        const most = share * (watchedMs + BUSY_MS_MAX) + BUSY_MS_MAX
        expect(busyBetween(duty, turns, from, from + watchedMs)).toBeLessThanOrEqual(most)
      })
    )
  })

  it('is nothing at 0, whatever was earned before, and everything at 1', () => {
    const duty = new DutyCycle()
    duty.lend(0)
    expect(duty.restMs(0)).toBe(Number.POSITIVE_INFINITY)
    duty.spent(5, 0)
    expect(duty.restMs(1e9)).toBe(Number.POSITIVE_INFINITY)
    duty.lend(1)
    duty.spent(5, 1e9)
    expect(duty.restMs(1e9)).toBe(0)
  })
})
