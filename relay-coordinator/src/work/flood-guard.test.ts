import { createFakeClock } from '@peercompute/p2p/testing'
import { describe, expect, it } from 'vitest'
import { createChannelPair } from '../testing/channel-pair.ts'
import { createFloodGuard, FIRST_OUT_MS, LONGEST_OUT_MS, UNANSWERED_MAX } from './flood-guard.ts'
import { USELESS_BURST, USELESS_PER_SECOND } from './useless-budget.ts'

function createGuarded() {
  const clock = createFakeClock()
  const cut: string[] = []
  const guard = createFloodGuard(clock, (peer) => cut.push(peer))
  return { clock, cut, guard }
}

/** A stream on which the host says things and is answered with `answer`. Returns how many frames were read before it was cut. */
async function talk(guard: ReturnType<typeof createFloodGuard>, frames: number, answer: object): Promise<number> {
  const { host, coordinator } = createChannelPair()
  const watched = guard.watch(coordinator)
  for (let sent = 0; sent < frames; sent++) host.sendBytes(new TextEncoder().encode('\0\0\0\x06\0\0\0\x02{}'))
  await host.close()
  let read = 0
  try {
    for await (const _frame of watched.frames) {
      read += 1
      await watched.send(answer).catch(() => undefined)
    }
  } catch (error) {
    expect(error).toMatchObject({ code: 'RATE_LIMITED' })
  }
  return read
}

const NOTHING = { type: 'work', id: 1, leases: [], jobs: [], retryAfterMs: 1_000 }

describe('a peer', () => {
  it.each([
    ['that is leased work', { ...NOTHING, leases: [{}] }],
    [
      'whose results are new',
      {
        type: 'ack',
        id: 1,
        answers: [
          { unit: 0, answer: 'duplicate' },
          { unit: 1, answer: 'accepted' }
        ]
      }
    ]
  ])('%s may say as much as it likes', async (_what, answer) => {
    const { guard, cut } = createGuarded()
    expect(await talk(guard, 5_000, answer)).toBe(5_000)
    expect(cut).toEqual([])
  })

  it.each([
    ['asks where there is nothing', NOTHING],
    ['reports what is known', { type: 'ack', id: 1, answers: [{ unit: 0, answer: 'duplicate' }] }],
    ['reports what is settled', { type: 'ack', id: 1, answers: [{ unit: 0, answer: 'late' }] }],
    ['reports for a job that is over', { type: 'ack', id: 1, answers: [{ unit: 0, answer: 'job_closed' }] }],
    ['renews and renews', { type: 'renewed', id: 1, leases: [{}] }],
    ['says hello and never proves it', { type: 'challenge', id: 1 }],
    ['is refused', { type: 'error', id: 1, code: 'REQUEST_INVALID', detail: '' }]
  ])('that %s, again and again, is cut once and kept out', async (_what, answer) => {
    const { guard, cut, clock } = createGuarded()
    expect(await talk(guard, 1_000, answer)).toBe(USELESS_BURST - 1)
    expect([cut, guard.isOut('host')]).toEqual([['host'], true])
    expect(await talk(guard, 10, answer)).toBe(0)
    expect(cut).toHaveLength(1)
    clock.advance(FIRST_OUT_MS)
    expect(guard.isOut('host')).toBe(false)
  })

  it('that goes on is kept out for longer each time, up to a bound', async () => {
    const { guard, cut, clock } = createGuarded()
    for (let time = 0; time < 8; time++) {
      await talk(guard, 1_000, NOTHING)
      expect(cut).toHaveLength(time + 1)
      const out = Math.min(LONGEST_OUT_MS, FIRST_OUT_MS * 2 ** time)
      clock.advance(out - 1)
      expect(guard.isOut('host')).toBe(true)
      clock.advance(1)
      expect(guard.isOut('host')).toBe(false)
    }
  })

  it('that asks in vain at a moderate pace is served for ever', async () => {
    const { guard, cut, clock } = createGuarded()
    for (let second = 0; second < 60; second++) {
      expect(await talk(guard, USELESS_PER_SECOND - 1, NOTHING)).toBe(USELESS_PER_SECOND - 1)
      clock.advance(1_000)
    }
    expect(cut).toEqual([])
  })

  it('pays for streams that it opens and leaves', async () => {
    const { guard, cut, clock } = createGuarded()
    const over = { yes: false }
    const streams = Array.from({ length: USELESS_BURST + UNANSWERED_MAX + 1 }, () => talk(guard, 0, NOTHING))
    void Promise.all(streams).then(() => (over.yes = true))
    while (!over.yes) {
      await new Promise(setImmediate)
      clock.advance(1)
    }
    expect(cut).toEqual(['host'])
  })

  it('that waits for its answers is slowed down, not cut, however much it sends in vain', async () => {
    const { guard, cut, clock } = createGuarded()
    const { host, coordinator } = createChannelPair()
    const began = clock.now()
    const serving = (async () => {
      const watched = guard.watch(coordinator)
      for await (const _frame of watched.frames) await watched.send(NOTHING)
    })()
    const inFlight = 8
    const reports = 300
    for (let sent = 0; sent < inFlight; sent++) void host.send({})
    let answered = 0
    const answers = (async () => {
      for await (const _frame of host.frames) {
        if (++answered === reports) return
        if (answered <= reports - inFlight) void host.send({})
      }
    })()
    const stuck = { yes: true }
    void answers.then(() => (stuck.yes = false))
    while (stuck.yes) {
      await new Promise(setImmediate)
      clock.advance(1_000 / USELESS_PER_SECOND)
    }
    await host.close()
    await serving
    expect([answered, cut]).toEqual([reports, []])
    expect(clock.now() - began).toBeGreaterThan(((reports - USELESS_BURST) / USELESS_PER_SECOND) * 1_000 * 0.9)
  })

  it('is not held to what another one does', async () => {
    const { guard } = createGuarded()
    await talk(guard, 1_000, NOTHING)
    expect([guard.isOut('host'), guard.isOut('somebody else')]).toEqual([true, false])
  })
})
