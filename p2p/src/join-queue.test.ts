import { expect, it } from 'vitest'
import { createJoinQueue } from './join-queue.ts'
import { JOIN_BURST, JOIN_HOLD_MS, RELAY_JOINS_PER_SECOND } from './settings.ts'
import { createFakeClock } from './testing/fake-clock.ts'

/** A queue that has been quiet for a minute. */
function setUp() {
  const clock = createFakeClock()
  const queue = createJoinQueue(clock)
  clock.advance(60_000)
  const start = clock.now()
  const entered: number[] = []
  const come = (count: number): number =>
    Array.from({ length: count }, () => queue.come(() => void entered.push(clock.now() - start))).filter(Boolean).length
  return { clock, queue, entered, come }
}

it('lets a classroom in at once', () => {
  const { entered, come } = setUp()
  expect(come(JOIN_BURST)).toBe(JOIN_BURST)
  expect(entered).toEqual(Array(JOIN_BURST).fill(0))
})

it('lets a crowd in at its pace, and sends away those who would wait too long', () => {
  const { clock, entered, come } = setUp()
  const taken = come(300)
  expect(taken - JOIN_BURST).toBe(Math.floor(JOIN_HOLD_MS / Math.ceil(1_000 / RELAY_JOINS_PER_SECOND)))
  clock.advance(JOIN_HOLD_MS)
  expect(entered).toHaveLength(taken)
  for (let second = 0; second * 1_000 < JOIN_HOLD_MS; second++) {
    const within = entered.filter((at) => at > second * 1_000 && at <= (second + 1) * 1_000).length
    expect(within).toBeLessThanOrEqual(RELAY_JOINS_PER_SECOND)
  }
})

it('takes a burst again after a while, and not before', () => {
  const { clock, entered, come } = setUp()
  come(JOIN_BURST)
  clock.advance(1_000)
  come(JOIN_BURST)
  expect(entered).toHaveLength(JOIN_BURST + Math.floor(1_000 / Math.ceil(1_000 / RELAY_JOINS_PER_SECOND)))
  clock.advance(60_000)
  come(JOIN_BURST)
  expect(entered.slice(-JOIN_BURST)).toEqual(Array(JOIN_BURST).fill(61_000))
})

it('lets a crowd come back at its pace when it has just begun', () => {
  const clock = createFakeClock()
  const queue = createJoinQueue(clock)
  let entered = 0
  for (let come = 0; come < JOIN_BURST; come++) queue.come(() => void (entered += 1))
  expect(entered).toBe(1)
  clock.advance(1_000)
  expect(entered - 1).toBe(Math.floor(1_000 / Math.ceil(1_000 / RELAY_JOINS_PER_SECOND)))
})

it('lets nobody in after it was stopped', () => {
  const { clock, queue, entered, come } = setUp()
  come(JOIN_BURST + 5)
  queue.stop()
  clock.advance(60_000)
  expect(entered).toHaveLength(JOIN_BURST)
})
