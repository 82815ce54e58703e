import { describe, expect, it } from 'vitest'
import { createFakeClock } from './testing/fake-clock.ts'
import { keepConnected, type Link } from './keep-connected.ts'
import { redialDelay, redialPeriodMs, type Crowd } from './redial-delay.ts'
import type { Random } from './time/clock.ts'

describe('redialDelay', () => {
  const now = 1_700_000_003_000

  it('tries at once after a loss, however many there were', () => {
    expect(redialDelay({ attempt: 0, crowd: { size: 500, rank: 3 }, now, random: () => 0.999 })).toBe(249)
  })

  it('waits with full jitter of at most 10 s in a small crowd', () => {
    expect(redialDelay({ attempt: 3, crowd: { size: 8, rank: 3 }, now, random: () => 0.5 })).toBe(1_000)
    expect(redialDelay({ attempt: 99, crowd: { size: 8, rank: 3 }, now, random: () => 0.999_999 })).toBe(9_999)
  })

  it('gives each of a crowd a moment of its own, once in a period', () => {
    const delays = [0, 1, 2, 3, 4].map((n) => redialDelay({ attempt: 1, crowd: { size: 80, rank: n * 16 }, now, random: () => 0.5 }))
    expect(delays).toEqual([7_063, 9_063, 1_063, 3_063, 5_063])
    for (const delay of delays) {
      const rank = delays.indexOf(delay) * 16
      expect(redialDelay({ attempt: 2, crowd: { size: 80, rank }, now: now + delay - 2, random: () => 0.5 })).toBeGreaterThan(9_900)
    }
  })

  it.each([
    [9, 10_000],
    [80, 10_000],
    [81, 20_000],
    [300, 40_000],
    [2_000, 320_000]
  ])('spreads %i clients over %i ms', (crowd, ms) => {
    expect(redialPeriodMs(crowd)).toBe(ms)
  })
})

/** mulberry32 */
function seeded(seed: number): Random {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Outage {
  readonly clients: number
  readonly awayMs: number
  /** Part of the others that a client knew. */
  readonly knows: number
  readonly seed: number
}

/** Supervisors as they are; the relay, the clock and chance are ours. Joins of each second after the relay's return. */
async function simulate({ clients, awayMs, knows, seed }: Outage): Promise<{ backMs: number; peak: number; dials: number }> {
  const random = seeded(seed)
  const clock = createFakeClock(1_700_000_000_000 + Math.floor(random() * 100_000))
  const closers: (() => void)[] = []
  const joins: number[] = []
  let up = true
  let dials = 0
  const order = Array.from({ length: clients }, random).sort()
  const supervisors = order.map((own) => {
    const known = order.filter((other) => other !== own && random() < knows)
    const crowd: Crowd = { size: known.length + 1, rank: known.filter((other) => other < own).length }
    const connect = (): Promise<Link> => {
      dials++
      if (!up) return Promise.reject(new Error('refused'))
      joins.push(clock.now())
      return Promise.resolve({ peer: 'relay', address: '', onClose: (listener) => closers.push(listener), close: () => undefined })
    }
    return keepConnected(connect, { clock, random, crowd: () => crowd })
  })
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50)
      await settle()
    }
  }
  await settle()
  await pass(60_000)
  joins.length = 0
  up = false
  dials = 0
  for (const close of closers.splice(0)) close()
  await pass(awayMs)
  up = true
  const returned = clock.now()
  while (joins.length < clients && clock.now() - returned < 120_000) await pass(1_000)
  for (const supervisor of supervisors) supervisor.stop()
  const perSecond = Map.groupBy(joins, (at) => Math.floor((at - returned) / 1_000))
  return {
    backMs: joins.length < clients ? Infinity : Math.max(...joins) - returned,
    peak: Math.max(...[...perSecond.values()].map((second) => second.length)),
    dials
  }
}

describe('a relay that was away', () => {
  const outages = [3_000, 90_000, 600_000].flatMap((awayMs) => [
    { clients: 30, awayMs, within: 15_000 },
    { clients: 300, awayMs, within: 45_000 }
  ])
  it.each(outages)(
    'for $awayMs ms has its $clients clients back within $within ms, at most 15 a second',
    async ({ clients, awayMs, within }) => {
      for (const seed of [1, 2, 3]) {
        const { backMs, peak } = await simulate({ clients, awayMs, knows: 1, seed })
        expect({ seed, backMs, peak }).toEqual({
          seed,
          backMs: expect.toSatisfy((ms: number) => ms <= within),
          peak: expect.toSatisfy((n: number) => n <= 15)
        })
      }
    }
  )

  it('has a crowd back in time, though not as evenly, when each client knew but two thirds of it', async () => {
    const { backMs, peak } = await simulate({ clients: 300, awayMs: 90_000, knows: 2 / 3, seed: 7 })
    expect(backMs).toBeLessThanOrEqual(45_000)
    expect(peak).toBeLessThanOrEqual(25)
  })

  it('would be run over if its clients knew nothing of each other', async () => {
    const { peak } = await simulate({ clients: 300, awayMs: 90_000, knows: 0, seed: 1 })
    expect(peak).toBeGreaterThan(40)
  })

  it('is not asked by a crowd more often than once in a period each', async () => {
    const { dials } = await simulate({ clients: 300, awayMs: 600_000, knows: 1, seed: 5 })
    expect(dials).toBeLessThanOrEqual(300 * (600_000 / 40_000 + 3))
  })
})
