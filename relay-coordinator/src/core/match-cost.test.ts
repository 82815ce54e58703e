/** What an ask costs is what it looks at: counted, not timed, so that a busy machine changes nothing. */
import { describe, expect, it } from 'vitest'
import type { AccountId, HostId } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { u32 } from '../testing/fixtures.ts'
import { candidateOf, decideDisconnect, DEFAULT_POLICY, evolve, findWork, fleetOf } from './index.ts'

/** Jobs, demands, queues and units looked at by one ask for ten units. */
function looked(w: CoreWorld, id: HostId): number {
  const host = w.state.hosts.get(id)
  const executor = host?.description.executors[0]
  if (host === undefined || executor === undefined) throw new Error('There is no such host')
  const found = findWork(w.state, candidateOf(host, executor), {
    roomIn: () => ({ units: 10, leases: 64 }),
    fleet: fleetOf(w.state, DEFAULT_POLICY),
    knows: () => false,
    random: () => 0.37
  })
  expect(found.job).not.toBeNull()
  return found.looked
}

function asked(prepare: (w: CoreWorld) => void): number {
  const w = new CoreWorld()
  prepare(w)
  return looked(w, w.connect('asker'))
}

const FEW = asked((w) => w.submit({ unitCount: 1_000 }))

describe('an ask looks at as much', () => {
  it.each([1e3, 1e6, 1e9])('with %d units queued', (unitCount) => {
    expect(asked((w) => w.submit({ unitCount }))).toBe(FEW)
  })

  it.each([
    ['of one researcher', () => 'one'],
    ['of a thousand researchers', (n: number) => `author ${n}`]
  ])('with 1 000 running jobs %s', (_name, author) => {
    const count = asked((w) => {
      for (let n = 0; n < 1_000; n++) w.submit({ name: `job-${n}`, unitCount: 1_000 }, author(n))
    })
    expect(count).toBe(FEW)
  })

  it('with 10 000 wanted ranges, all of which it may not have, and as many that it may', () => {
    const w = new CoreWorld()
    w.submit({ unitCount: 1e6 })
    const [own, other] = [w.connect('asker'), w.connect('other')]
    for (let n = 0; n < 10_000; n++) w.report(own, only(w.ask(own, 1).leases), u32)
    expect(w.state.jobs.values().next().value?.wanting.size).toBe(10_000)
    expect(looked(w, own) - FEW).toBeLessThanOrEqual(1)
    expect(looked(w, other) - FEW).toBeLessThanOrEqual(1)
  })

  it('with the wanted units of 10 000 hosts, no two of which may take the same', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 1e6 })
    const first = w.connect('asker')
    w.report(first, only(w.ask(first, 10).leases), u32)
    for (let n = 0; n < 10_000; n++) {
      const id = w.connect(`host ${n}`)
      const { cursor, nextEpoch } = w.job(job)
      const holder = { host: id, account: id as string as AccountId, subnet: '', executor: 'js' as const }
      evolve(w.state, { type: 'leased', job, epoch: nextEpoch, start: cursor, count: 1, holder, deadline: w.now + 60_000 })
    }
    expect(w.job(job).wanting.groups).toHaveLength(10_001)
    expect(looked(w, first) - FEW).toBeLessThanOrEqual(11)
  })

  it('with 1 000 leases of others under way, when one host leaves and when nothing is due', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 1e6, verification: { quorum: 1 } })
    const first = w.connect('first')
    for (let n = 0; n < 3; n++) w.report(first, only(w.ask(first, 10).leases), u32)
    for (let n = 0; n < 1_000; n++) only(w.ask(w.connect(`host ${n}`), 1).leases)
    only(w.ask(first, 2).leases)
    expect(looked(w, first)).toBe(FEW)
    w.run(decideDisconnect, { type: 'disconnect', host: first })
    expect(w.events.map(({ type }) => type)).toEqual(['lease-over', 'host-disconnected'])
    expect(w.state.deadlines.size).toBe(1_000)
    expect(w.job(job).running.size).toBe(1_000)
  })
})
