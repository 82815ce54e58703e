/** Who is given how much, and that nobody can choose what. */
import { describe, expect, it } from 'vitest'
import type { HostId } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { asProven, connectedHost, drawing, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  decideAsk,
  decideConnect,
  decideDisconnect,
  decideRelease,
  decideReport,
  decideSubmit,
  DEFAULT_POLICY,
  emptyState,
  evolve,
  whyHost,
  whyJob,
  type Decider
} from './index.ts'

describe('the share of a subnet', () => {
  function crowd(others: number): { w: CoreWorld; hogs: HostId[]; rest: HostId[]; job: ReturnType<CoreWorld['submit']> } {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 3_000, verification: { independence: 'subnet', quorum: 1 } })
    const rest = Array.from({ length: others }, (_, n) => w.connect(`other ${n}`, { subnet: `10.1.${n}.0/24` }))
    const hogs = Array.from({ length: 30 }, (_, n) => w.connect(`hog ${n}`, { subnet: '10.2.0.0/24' }))
    return { w, hogs, rest, job }
  }
  const take = (w: CoreWorld, host: HostId, units = 10): number => {
    const { leases } = w.ask(host, units)
    for (const lease of leases) w.report(host, lease, u32)
    return leases.reduce((sum, { count }) => sum + count, 0)
  }

  it('is a fifth while ten subnets are there, although most hosts are in one; the rest waits and says why', () => {
    const { w, hogs, rest, job } = crowd(12)
    let own = 0
    for (let round = 0; w.job(job).state === 'running' && round < 200; round++) {
      for (const host of rest) take(w, host)
      for (const host of hogs) own += take(w, host)
    }
    expect(w.job(job).state).toBe('completed')
    expect(own / 3_000).toBeLessThanOrEqual(0.2)
    expect(own / 3_000).toBeGreaterThan(0.15)
  })

  it('holds also when nobody else goes on, and ends when fewer than ten subnets are connected', () => {
    const { w, hogs, rest, job } = crowd(12)
    for (const host of rest) take(w, host)
    for (let round = 0; round < 3; round++) for (const host of hogs) take(w, host)
    const [hog] = hogs
    const entry = hog && w.state.hosts.get(hog)
    if (hog === undefined || entry === undefined) throw new Error('There are thirty')
    expect(w.ask(hog).why).toBe('network_share_used')
    expect(whyHost(w.state, entry).code).toBe('network_share_used')
    const { shares } = w.job(job)
    expect(shares.of('10.2.0.0/24') / shares.total).toBeLessThanOrEqual(0.2)
    for (const host of rest.slice(4)) w.run(decideDisconnect, { type: 'disconnect', host })
    expect(take(w, hog)).toBe(10)
  })

  it('is said of the job when only such hosts are left that have given all they may', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 3_000, verification: { independence: 'subnet', quorum: 1 } })
    const rest = Array.from({ length: 11 }, (_, n) => w.connect(`other ${n}`, { subnet: `10.1.${n}.0/24` }))
    const hog = w.connect('hog', { subnet: '10.2.0.0/24' })
    for (const host of rest) take(w, host)
    while (take(w, hog) > 0);
    for (const host of rest) w.connect(keyless(host), { subnet: `10.1.${rest.indexOf(host)}.0/24`, executors: ['webgpu'] })
    expect(whyJob(w.state, w.job(job))).toMatchObject({ code: 'too_few_networks', facts: { networks: 12, share: 0.2 } })
    function keyless(host: HostId): string {
      return `other ${rest.indexOf(host)}`
    }
  })
})

describe('what a host may hold', () => {
  it('is two leases of 256 units, and twice as much for each ten validated units, up to 32', () => {
    const w = new CoreWorld()
    w.submit({ unitCount: 1e6, verification: { quorum: 1 } })
    const host = w.connect('host')
    expect(w.ask(host, 4_096).leases[0]?.count).toBe(512)
    expect(w.ask(host)).toMatchObject({ leases: [], why: 'lease_limit' })
    for (const [validated, leases] of [
      [0, 2],
      [9, 2],
      [10, 4],
      [20, 8],
      [39, 16],
      [40, 32],
      [4_000, 32]
    ] as const) {
      const w = new CoreWorld()
      w.submit({ unitCount: 1e6, verification: { quorum: 1 } })
      const id = w.connect('host')
      const entry = w.state.hosts.get(id)
      if (entry !== undefined) entry.validated = validated
      let held = 0
      while (w.ask(id, 1).leases.length > 0) held++
      expect(held).toBe(leases)
    }
  })

  it('lets every executor of a new host work', () => {
    const w = new CoreWorld()
    w.submit({ unitCount: 1e6, verification: { quorum: 1 } })
    const host = w.connect('host', { executors: ['js', 'wasm'] })
    only(w.ask(host, 1).leases)
    only(w.ask(host, 1).leases)
    only(w.ask(host, 1, 'wasm').leases)
    expect(w.ask(host, 1, 'wasm').why).toBe('lease_limit')
  })

  it('is nothing for a banned one, which is told so', () => {
    const w = new CoreWorld()
    w.submit({ unitCount: 10 })
    const host = w.connect('host')
    evolve(w.state, { type: 'host-banned', host, cause: 'errors', at: w.now })
    expect(w.ask(host)).toMatchObject({ leases: [], why: 'host_banned' })
    expect(w.ask(host).retryAfterMs).toBeGreaterThanOrEqual(300_000)
    const entry = w.state.hosts.get(host)
    expect(entry && whyHost(w.state, entry).code).toBe('host_banned')
  })
})

describe('random assignment', () => {
  /** Share of a colluder's units that its partner, who always asks right after it, is given. */
  function meetings(seed: number, mixing: boolean): number {
    const random = drawing(seed)
    const state = emptyState()
    const { job, signed } = unsigned(smallSpec({ unitCount: 1e6 }))
    const run = <C, A>(decider: Decider<C, A>, command: C): A => {
      const decision = decider(state, command, { now: 1_000, random, policy: DEFAULT_POLICY })
      if (!decision.ok) throw new Error(decision.detail)
      for (const event of decision.events) evolve(state, event)
      return decision.answer
    }
    run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
    const hosts = Array.from({ length: mixing ? 40 : 2 }, (_, n) => connectedHost(`host ${n}`))
    for (const host of hosts) {
      run(decideConnect, { type: 'connect', host })
      asProven(state, host.host)
    }
    const [first, second] = hosts
    if (first === undefined || second === undefined) throw new Error('There are more')
    const work = (host: HostId): Set<number> => {
      const { leases } = run(decideAsk, { type: 'ask', host, executor: 'js', units: 10, seconds: 0 })
      const numbers = leases.flatMap((lease) => Array.from({ length: lease.count }, (_, i) => lease.start + i))
      for (const lease of leases) {
        const values = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
        run(decideReport, { type: 'report', ...reportOf(host, lease, values) })
      }
      return new Set(numbers)
    }
    const own = new Set<number>()
    let met = 0
    for (let round = 0; round < 100; round++) {
      for (const number of work(first.host)) own.add(number)
      for (const number of work(second.host)) if (own.has(number)) met++
      for (const { host } of hosts.slice(2)) work(host)
    }
    expect(state.jobs.get(job)?.validating).toBeLessThan(2_000)
    return met / own.size
  }

  it('two who ask one after the other share hardly more units than chance gives to any two of forty', () => {
    const seed = 20_261_124
    expect(meetings(seed, true), `seed ${seed}`).toBeLessThan(3 / 39)
    expect(meetings(seed, false), `seed ${seed}`).toBe(1)
  })

  it('a host that gives back what it does not want is given no waiting units, as long as there are others', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 1_000 })
    const [first, second, choosy] = ['first', 'second', 'choosy', 'fourth'].map((name) => w.connect(name))
    if (first === undefined || second === undefined || choosy === undefined) throw new Error('There are four')
    for (const host of [first, second, choosy]) asProven(w.state, host)
    for (let turn = 0; turn < 20; turn++) w.report(first, only(w.ask(first, 10).leases), u32)
    const before = w.job(job).cursor
    const taken = only(w.ask(choosy, 10).leases)
    expect(taken.start).toBeLessThan(before)
    w.run(decideRelease, { type: 'release', host: choosy, job, epoch: taken.epoch })
    for (let turn = 0; turn < 20; turn++) expect(only(w.ask(choosy, 10).leases).start).toBeGreaterThanOrEqual(before)
    for (let turn = 0; turn < 50; turn++) for (const lease of w.ask(second, 10).leases) w.report(second, lease, u32)
    const later = w.job(job).cursor
    expect(Math.min(...w.ask(choosy, 10).leases.map(({ start }) => start))).toBeLessThan(later)
  })

  it('what is taken comes in few leases', () => {
    const w = new CoreWorld()
    w.submit({ unitCount: 2_000 })
    const random = drawing(7)
    const hosts = Array.from({ length: 20 }, (_, n) => w.connect(`host ${n}`))
    for (const host of hosts) asProven(w.state, host)
    let [answers, leases] = [0, 0]
    for (let turn = 0; turn < 400; turn++) {
      const host = hosts[Math.floor(random() * hosts.length)]
      if (host === undefined) continue
      const decision = decideAsk(
        w.state,
        { type: 'ask', host, executor: 'js', units: 10, seconds: 0 },
        { now: w.now, random, policy: w.policy }
      )
      if (!decision.ok) throw new Error(decision.detail)
      for (const event of decision.events) evolve(w.state, event)
      if (decision.answer.leases.length === 0) continue
      answers++
      leases += decision.answer.leases.length
      for (const lease of decision.answer.leases) w.report(host, lease, u32)
    }
    expect(answers).toBeGreaterThan(300)
    expect(leases / answers).toBeLessThan(1.2)
  })
})
