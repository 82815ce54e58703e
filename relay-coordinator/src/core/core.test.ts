import { expect, it } from 'vitest'
import { REASONS, type HostId, type Lease } from '@peercompute/job-specs'
import { asProven, connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  CLAIM_MS,
  decideAsk,
  decideConnect,
  decideControl,
  decideDisconnect,
  decideExpire,
  decideRenew,
  decideReport,
  decideSubmit,
  emptyState,
  evolve,
  jobDetail,
  LEASE_MS,
  whyJob,
  whyUnit,
  DEFAULT_POLICY,
  type CoordinatorState,
  type Decider,
  type UnitAnswer
} from './index.ts'

function world(specs: Parameters<typeof smallSpec>[0][] = [{}]) {
  const state: CoordinatorState = emptyState()
  let now = 1_000
  const run = <C, A>(decider: Decider<C, A>, command: C): A => {
    const decision = decider(state, command, { now, random: () => 0.5, policy: DEFAULT_POLICY })
    if (!decision.ok) throw new Error(`${decision.code}: ${decision.detail}`)
    for (const event of decision.events) evolve(state, event)
    return decision.answer
  }
  const jobs = specs.map((overrides) => unsigned(smallSpec(overrides)))
  for (const { job, signed } of jobs) run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
  const connect = (...args: Parameters<typeof connectedHost>): HostId => {
    const host = connectedHost(...args)
    run(decideConnect, { type: 'connect', host })
    return host.host
  }
  const ask = (host: HostId, units = 4, executor: Lease['executor'] = 'js') =>
    run(decideAsk, { type: 'ask', host, executor, units, seconds: 0 })
  const report = (host: HostId, lease: Lease, values: { unit: number; value: Uint8Array | null }[]): readonly UnitAnswer[] =>
    run(decideReport, { type: 'report', ...reportOf(host, lease, values) })
  const all = (host: HostId, lease: Lease, value: (unit: number) => Uint8Array | null) =>
    report(
      host,
      lease,
      Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: value(lease.start + i) }))
    )
  const first = jobs[0]
  if (first === undefined) throw new Error('a world needs a job')
  const entry = () => {
    const job = state.jobs.get(first.job)
    if (job === undefined) throw new Error('lost')
    return job
  }
  return {
    state,
    run,
    connect,
    ask,
    report,
    all,
    entry,
    job: first.job,
    pass: (ms: number) => {
      now += ms
    }
  }
}
const only = (leases: readonly Lease[]): Lease => {
  expect(leases).toHaveLength(1)
  const [lease] = leases
  if (lease === undefined) throw new Error('no lease')
  return lease
}

it('two hosts that agree settle every unit, complete the job and earn the same credit', () => {
  const w = world()
  const a = w.connect('a')
  const b = w.connect('b')
  w.all(a, only(w.ask(a).leases), u32)
  expect(w.entry().settled.size).toBe(0)
  w.all(b, only(w.ask(b).leases), u32)
  expect(w.entry().state).toBe('completed')
  expect(w.entry().reduced).toEqual({ kind: 'sum', sum: '6' })
  expect([...w.state.credit.values()]).toEqual([4, 4])
  expect([...w.state.hosts.values()].map((host) => host.unitsHeld)).toEqual([0, 0])
})

it('a host never gets a second replica of its own unit, and is told why', () => {
  const w = world()
  const a = w.connect('a')
  w.all(a, only(w.ask(a).leases), u32)
  expect(w.ask(a)).toMatchObject({ leases: [], why: 'independence_unmet' })
  expect(whyUnit(w.state, w.entry(), 0).code).toBe('awaiting_second_opinion')
  expect(whyJob(w.state, w.entry())).toMatchObject({ code: 'too_few_independent' })
})

it('under independence "executor" one machine reaches quorum with two programs, and the job says so', () => {
  const w = world([{ verification: { independence: 'executor' } }])
  const a = w.connect('a', { executors: ['js', 'wasm'] })
  w.all(a, only(w.ask(a, 4, 'js').leases), u32)
  w.all(a, only(w.ask(a, 4, 'wasm').leases), u32)
  expect(w.entry().state).toBe('completed')
  expect(w.entry().settlers.size).toBe(1)
})

it('under "owner" two hosts of one account are one voice; under "subnet" two accounts of one network are', () => {
  const owner = world([{ verification: { independence: 'owner' } }])
  owner.all(owner.connect('a', { account: 'x' }), only(owner.ask(owner.connect('a', { account: 'x' })).leases), u32)
  expect(owner.ask(owner.connect('b', { account: 'x' })).why).toBe('independence_unmet')
  expect(owner.ask(owner.connect('c', { account: 'y' })).leases).toHaveLength(1)
  const subnet = world([{ verification: { independence: 'subnet' } }])
  const a = subnet.connect('a')
  subnet.all(a, only(subnet.ask(a).leases), u32)
  expect(subnet.ask(subnet.connect('b')).why).toBe('independence_unmet')
  expect(subnet.ask(subnet.connect('c', { subnet: '10.0.0.0/24' })).leases).toHaveLength(1)
})

it('a liar changes nothing and earns nothing: a third host decides', () => {
  const w = world()
  const [liar, b, c] = [w.connect('liar'), w.connect('b'), w.connect('c')]
  w.all(liar, only(w.ask(liar).leases), () => u32(666))
  w.all(b, only(w.ask(b).leases), u32)
  expect(w.entry().settled.size).toBe(0)
  w.all(c, only(w.ask(c).leases), u32)
  expect(w.entry().reduced).toEqual({ kind: 'sum', sum: '6' })
  expect(w.state.hosts.get(liar)).toMatchObject({ validated: 0, rejected: 4, microCredits: 0 })
})

it('a host that disconnects gives its units back at once; its late report is still accepted, once', () => {
  const w = world()
  const [a, b, c] = [w.connect('a'), w.connect('b'), w.connect('c')]
  const lease = only(w.ask(a).leases)
  w.run(decideDisconnect, { type: 'disconnect', host: a })
  expect(w.state.hosts.get(a)?.unitsHeld).toBe(0)
  w.all(b, only(w.ask(b).leases), u32)
  expect(w.all(a, lease, u32).map(({ answer }) => answer)).toEqual(Array(4).fill('accepted'))
  expect(w.entry().state).toBe('completed')
  expect(w.all(a, lease, u32).map(({ answer }) => answer)).toEqual(Array(4).fill('job_closed'))
  expect(w.ask(c).why).toBe('no_work_available')
})

it('an expired lease goes to the next host; a second opinion of the same host does not count twice', () => {
  const w = world([{ unitCount: 1 }])
  const a = w.connect('a')
  const lost = only(w.ask(a).leases)
  w.pass(LEASE_MS)
  w.run(decideExpire, { type: 'expire' })
  const again = only(w.ask(a).leases)
  expect(again.epoch).toBeGreaterThan(lost.epoch)
  expect(w.all(a, again, u32)[0]?.answer).toBe('accepted')
  expect(w.all(a, lost, u32)[0]?.answer).toBe('duplicate')
  expect(w.entry().settled.size).toBe(0)
})

it('a host that comes back keeps what it renews, and soon loses what died with its process', () => {
  const w = world()
  const a = w.connect('a')
  const [kept, died] = [only(w.ask(a, 2).leases), only(w.ask(a, 2).leases)]
  w.connect('a')
  w.run(decideRenew, { type: 'renew', host: a, leases: [{ job: w.job, epoch: kept.epoch }] })
  w.pass(CLAIM_MS)
  w.run(decideExpire, { type: 'expire' })
  expect(only(w.ask(a).leases)).toMatchObject({ start: died.start, count: died.count })
  expect(w.all(a, kept, u32).map(({ answer }) => answer)).toEqual(['accepted', 'accepted'])
  expect(w.all(a, died, u32).map(({ answer }) => answer)).toEqual(['accepted', 'accepted'])
})

it('repeated, foreign, out-of-range and malformed reports get their answers and change nothing', () => {
  const w = world()
  const [a, b] = [w.connect('a'), w.connect('b')]
  const lease = only(w.ask(a, 2).leases)
  const answer = (host: HostId, unit: number, value: Uint8Array) => w.report(host, lease, [{ unit, value }])[0]?.answer
  expect(answer(b, 0, u32(0))).toBe('not_held')
  expect(answer(a, 3, u32(3))).toBe('not_held')
  expect(answer(a, 0, u32(0))).toBe('accepted')
  expect(answer(a, 0, u32(0))).toBe('duplicate')
  expect(answer(a, 1, new Uint8Array(3))).toBe('rejected')
  expect(w.entry().units.get(1)?.failures[0]?.reason).toBe('output_shape')
})

it('results that never agree become inconclusive and fail the job, instead of a guess', () => {
  const w = world([{ unitCount: 1, verification: { maxResults: 3 } }])
  for (const name of ['a', 'b', 'c']) {
    const host = w.connect(name)
    w.all(host, only(w.ask(host).leases), () => u32(name.charCodeAt(0)))
  }
  expect(w.entry().state).toBe('failed')
  expect(w.entry().failures.get('inconclusive')?.units).toBe(1)
})

it('a program that fails everywhere errors its unit and keeps the message', () => {
  const w = world([{ unitCount: 1 }])
  for (const name of ['a', 'b', 'c']) {
    const host = w.connect(name)
    w.all(host, only(w.ask(host).leases), () => null)
  }
  expect(w.entry().state).toBe('failed')
  expect(w.entry().failures.get('runtime_error')).toMatchObject({ units: 3, message: 'it broke' })
  expect(REASONS.too_many_failures.about).toBe('unit')
})

it('cancelling with leases out answers their reports with job_closed and refuses to resume', () => {
  const w = world()
  const a = w.connect('a')
  const lease = only(w.ask(a).leases)
  w.run(decideControl, { type: 'cancel', job: w.job })
  expect(w.all(a, lease, u32)[0]?.answer).toBe('job_closed')
  expect(w.state.hosts.get(a)?.unitsHeld).toBe(0)
  expect(() => {
    w.run(decideControl, { type: 'resume', job: w.job })
  }).toThrow('JOB_CLOSED')
})

it('jobs take turns, and a job of 10⁹ units costs no more than one of four', () => {
  const w = world([{ unitCount: 1_000_000_000 }, { name: 'other', unitCount: 1_000 }])
  const a = w.connect('a')
  asProven(w.state, a)
  const seen = [w.ask(a, 1), w.ask(a, 1), w.ask(a, 1), w.ask(a, 1)].map(({ leases }) => only(leases).job)
  expect(new Set(seen.slice(0, 2)).size).toBe(2)
  expect(seen.slice(2)).toEqual(seen.slice(0, 2))
  expect(w.entry().units.size).toBe(2)
})

it('a program that fails on the only volunteer is told as such, for the job and for the unit', () => {
  const w = world([{ unitCount: 1, verification: { quorum: 1 } }])
  const a = w.connect('a')
  w.all(a, only(w.ask(a).leases), () => null)
  expect(whyUnit(w.state, w.entry(), 0).code).toBe('failed_once')
  expect(whyJob(w.state, w.entry()).code).toBe('no_capable_volunteer')
  w.connect('b')
  expect(whyJob(w.state, w.entry()).code).toBe('job_running')
})

it('a page is told where settled units lie, in few ranges however scattered they are', () => {
  const w = world([{ unitCount: 4_000, verification: { quorum: 1 } }])
  const a = w.connect('a')
  asProven(w.state, a)
  const lease = only(w.ask(a, 4_000).leases)
  w.report(
    a,
    lease,
    [0, 1, 2, 7].map((unit) => ({ unit, value: u32(unit) }))
  )
  expect(jobDetail(w.state, w.entry()).settledWithin).toEqual([
    [0, 3],
    [7, 1]
  ])
  w.report(
    a,
    lease,
    Array.from({ length: 1_500 }, (_, i) => ({ unit: 10 + 2 * i, value: u32(i) }))
  )
  const { settledWithin } = jobDetail(w.state, w.entry())
  expect(settledWithin).toHaveLength(1_000)
  const [start, count] = settledWithin.at(-1) ?? [0, 0]
  expect(start + count).toBe(4_000)
})
