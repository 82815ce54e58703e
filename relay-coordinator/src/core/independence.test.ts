/** No unit is given twice to those who depend on each other: V5 of the security tests. */
import { describe, expect, it } from 'vitest'
import type { HostId, Lease } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { connectedHost, drawing, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  decideAsk,
  decideConnect,
  decideDisconnect,
  decideExpire,
  decideRelease,
  decideReopen,
  decideReport,
  decideSubmit,
  DEFAULT_POLICY,
  dependent,
  emptyState,
  evolve,
  whyJob,
  whyUnit,
  type ConnectedHost,
  type CoordinatorEvent,
  type Decider,
  type Holder,
  type SettledUnit
} from './index.ts'

const SUBNETS = 50
const OWNERS = 70
const HOSTS = 160
const ASSIGNMENTS = 10_000

/** What may not happen, kept from events alone and apart from the state. */
class Referee {
  readonly results = new Map<number, Holder[]>()
  readonly leases = new Map<number, { readonly holder: Holder; readonly units: Set<number> }>()
  readonly settled = new Map<number, SettledUnit>()
  readonly twice: string[] = []
  assigned = 0

  see(event: CoordinatorEvent): void {
    switch (event.type) {
      case 'leased': {
        const { epoch, start, count, holder } = event
        const units = new Set(Array.from({ length: count }, (_, i) => start + i))
        for (const unit of units) {
          this.assigned++
          const active = [...this.leases.values()].filter((lease) => lease.units.has(unit)).map((lease) => lease.holder)
          const others = [...(this.results.get(unit) ?? []), ...active]
          if (this.settled.has(unit) || others.some((other) => dependent(other, holder, 'subnet'))) this.twice.push(`lease of ${unit}`)
        }
        this.leases.set(epoch, { holder, units })
        return
      }
      case 'lease-over':
        this.leases.delete(event.epoch)
        return
      case 'result':
        this.results.set(event.unit, [...(this.results.get(event.unit) ?? []), event.result.holder])
        this.leases.get(event.result.epoch)?.units.delete(event.unit)
        return
      case 'failure':
        this.leases.get(event.attempt.epoch)?.units.delete(event.unit)
        return
      case 'settled': {
        const { unit, digest, value, votes, errorProbability, at } = event
        if (votes.some((a) => votes.some((b) => a !== b && dependent(a.holder, b.holder, 'subnet')))) this.twice.push(`votes of ${unit}`)
        this.settled.set(unit, { unit, digest, value, votes, errorProbability, settledAt: at })
        this.#close(unit)
        return
      }
      case 'unit-errored':
        this.#close(event.unit)
        return
      case 'units-reopened':
        for (const { unit, keep } of event.units) {
          this.settled.delete(unit)
          this.results.set(
            unit,
            keep.map(({ holder }) => holder)
          )
        }
        return
      case 'host-banned':
        for (const [unit, holders] of this.results)
          this.results.set(
            unit,
            holders.filter(({ host }) => host !== event.host)
          )
        return
      default:
        return
    }
  }

  #close(unit: number): void {
    this.results.delete(unit)
    for (const lease of this.leases.values()) lease.units.delete(unit)
  }
}

describe('under independence "subnet"', () => {
  it.each([
    ['a quorum of three', 2_500, { quorum: 3 }],
    [
      'credibility',
      1_600,
      { policy: 'credibility' as const, errorProbability: 0.001, comparator: { kind: 'exact' as const }, maxResults: 8 }
    ]
  ])(
    `%s: 10 000 assignments over ${SUBNETS} shared subnets never give a unit twice to one key, owner or subnet`,
    (_name, unitCount, rule) => {
      const seed = 20_261_123
      const random = drawing(seed)
      const pick = (count: number): number => Math.floor(random() * count)
      const state = emptyState()
      const referee = new Referee()
      let now = 1_000
      const run = <C, A>(decider: Decider<C, A>, command: C): A => {
        const decision = decider(state, command, { now, random, policy: DEFAULT_POLICY })
        if (!decision.ok) throw new Error(`seed ${seed}: ${decision.detail}`)
        for (const event of decision.events) {
          referee.see(event)
          evolve(state, event)
        }
        return decision.answer
      }
      const { job, signed } = unsigned(smallSpec({ unitCount, verification: { ...rule, independence: 'subnet' } }))
      run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
      const owners = Array.from({ length: HOSTS }, () => pick(OWNERS))
      const hosts: ConnectedHost[] = owners.map((owner, n) => connectedHost(`host ${n}`, { account: `owner ${owner}` }))
      /** A host comes, or comes back, under any of the subnets. */
      const connect = (n: number): void => {
        const host = hosts[n]
        if (host !== undefined) run(decideConnect, { type: 'connect', host: { ...host, subnet: `10.0.${pick(SUBNETS)}.0/24` } })
      }
      hosts.forEach((_, n) => {
        connect(n)
      })
      const leases: { readonly host: HostId; readonly lease: Lease }[] = []
      const done = new Set<string>()
      const remember = (what: string): void => void done.add(what)
      for (let step = 0; referee.assigned < ASSIGNMENTS && step < 60_000; step++) {
        now += pick(40)
        const n = pick(HOSTS)
        const host = hosts[n]?.host
        if (host === undefined) continue
        const dice = random()
        if (dice < 0.45) {
          const answer = run(decideAsk, { type: 'ask', host, executor: 'js', units: 1 + pick(6), seconds: 0 })
          leases.push(...answer.leases.map((lease) => ({ host, lease })))
        } else if (dice < 0.9) {
          const [held] = leases.splice(pick(leases.length), 1)
          if (held === undefined) continue
          const { lease } = held
          if (state.jobs.get(job)?.leases.get(lease.epoch)?.over === true) remember('late')
          const wrong = random() < 0.03
          const values = Array.from({ length: lease.count }, (_, i) => ({
            unit: lease.start + i,
            value: random() < 0.02 ? null : u32(wrong ? 1_000_000 + pick(3) : lease.start + i)
          }))
          run(decideReport, { type: 'report', ...reportOf(held.host, lease, values) })
        } else if (dice < 0.93) connect(n)
        else if (dice < 0.95) {
          run(decideDisconnect, { type: 'disconnect', host })
          connect(n)
        } else if (dice < 0.96) {
          const held = leases[pick(leases.length)]
          if (held !== undefined) run(decideRelease, { type: 'release', host: held.host, job, epoch: held.lease.epoch })
        } else if (dice < 0.965) {
          now += 61_000
          run(decideExpire, { type: 'expire' })
          remember('expired')
        } else if (dice < 0.985) {
          const epoch = [...referee.leases.keys()][pick(referee.leases.size)]
          if (epoch === undefined || state.jobs.get(job)?.leases.get(epoch) === undefined) continue
          evolve(state, { type: 'lease-straggling', job, epoch })
          remember('straggling')
        } else {
          const units = [...referee.settled.values()].slice(-5)
          const answer = run(decideReopen, { type: 'reopen', job, cause: 'doubted', units })
          if (answer.units.length > 0) remember('reopened')
        }
      }
      expect(referee.assigned, `seed ${seed}`).toBeGreaterThanOrEqual(ASSIGNMENTS)
      expect(referee.settled.size, `seed ${seed}`).toBeGreaterThan(500)
      expect([...done].sort(), `seed ${seed}`).toEqual(['expired', 'late', 'reopened', 'straggling'])
      expect(referee.twice, `seed ${seed}`).toEqual([])
    }
  )

  it('a vote keeps the subnet under which it was leased, whatever its host does afterwards', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 1, verification: { independence: 'subnet' } })
    const first = w.connect('first', { subnet: '10.0.1.0/24' })
    w.report(first, only(w.ask(first).leases), u32)
    w.connect('first', { subnet: '10.0.2.0/24' })
    const neighbour = w.connect('neighbour', { subnet: '10.0.1.0/24' })
    expect(w.ask(first).why).toBe('independence_unmet')
    expect(w.ask(neighbour).why).toBe('independence_unmet')
    w.connect('neighbour', { subnet: '10.0.2.0/24' })
    w.report(neighbour, only(w.ask(neighbour).leases), u32)
    expect(w.job(job).state).toBe('completed')
  })

  it('one volunteer at home is told what is missing, and so are two', () => {
    const w = new CoreWorld()
    const job = w.submit({ unitCount: 1, verification: { independence: 'subnet' } })
    const [laptop, phone] = ['laptop', 'phone'].map((name) => w.connect(name, { account: 'me', subnet: '192.168.1.0/24' }))
    if (laptop === undefined || phone === undefined) throw new Error('There are two')
    w.report(laptop, only(w.ask(laptop).leases), u32)
    expect(w.ask(phone).why).toBe('independence_unmet')
    expect(whyJob(w.state, w.job(job))).toMatchObject({
      code: 'too_few_independent',
      facts: { voices: 1, wanted: 2, independence: 'subnet' }
    })
    expect(whyUnit(w.state, w.job(job), 0)).toMatchObject({ code: 'awaiting_second_opinion', facts: { results: 1, wanted: 2 } })
  })

  it('credibility says how many hosts of which nothing is known must agree', () => {
    const w = new CoreWorld()
    const rule = {
      policy: 'credibility',
      independence: 'subnet',
      errorProbability: 0.001,
      comparator: { kind: 'exact' },
      maxResults: 8
    } as const
    const job = w.submit({ unitCount: 1, verification: rule })
    // A fifth may lie: 1 / (1 + 4⁵) is below 0.001, 1 / (1 + 4⁴) is not.
    const hosts = [1, 2, 3].map((n) => w.connect(`host ${n}`, { subnet: `10.0.${n}.0/24` }))
    expect(whyJob(w.state, w.job(job))).toMatchObject({
      code: 'too_few_independent',
      facts: { voices: 3, wanted: 5, policy: 'credibility' }
    })
    for (const host of hosts) w.report(host, only(w.ask(host).leases), u32)
    expect(whyUnit(w.state, w.job(job), 0)).toMatchObject({ code: 'awaiting_second_opinion', facts: { results: 3, wanted: 5 } })
  })
})
