/** Decisions about trust: who is believed alone, what a lost vote brings about, bans, pardons, and units that are taken back. */
import type { HostId, JobId, Verdict, Verification } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { CoreWorld, only } from '../testing/core-world.ts'
import { reportOf, u32 } from '../testing/fixtures.ts'
import { changeReputation } from './fleet-trust.ts'
import {
  auditsDue,
  AUDITED_UNITS,
  decidedOnlyByBanned,
  decidePardon,
  decideReopen,
  decideReport,
  evolve,
  isSuspect,
  standingOf,
  unsweptBans,
  type CoordinatorEvent,
  type Vote
} from './index.ts'
import { reputationOf } from './learn-votes.ts'

const common = { independence: 'host', comparator: { kind: 'exact' }, maxResults: 16 } as const
const CREDIBILITY: Verification = { policy: 'credibility', errorProbability: 0.001, ...common }
const ADAPTIVE: Verification = { policy: 'adaptive', quorum: 2, ...common }
const verify = { kind: 'custom' as const, js: { sha256: '0'.repeat(64), bytes: 1 } } as Extract<
  Verification,
  { policy: 'verifier' }
>['verify']
const VERIFIER: Verification = { policy: 'verifier', verify, ...common }

const wrong = (unit: number) => u32(1_000_000 + unit)

class TrustWorld extends CoreWorld {
  /** Hosts that have agreed with others so often with this job's program. */
  trusted(job: JobId, passed: number, ...names: string[]): HostId[] {
    return names.map((name) => {
      const host = this.connect(name)
      const reputation = reputationOf(this.state, this.job(job), this.holder(host))
      if (reputation === null) throw new Error('The job has no program for js')
      changeReputation(this.state.trust, reputation, (known) => Object.assign(known, { passed, checks: passed, executions: passed }))
      return host
    })
  }

  holder(host: HostId) {
    const entry = this.state.hosts.get(host)
    if (entry === undefined) throw new Error('The host is not connected')
    return { host, account: entry.account, subnet: entry.subnet, executor: 'js' as const }
  }

  /** The host asks for units and reports them at once. Returns their numbers. */
  work(host: HostId, units: number, value: (unit: number) => Uint8Array = u32): number[] {
    const { leases } = this.ask(host, units)
    return leases.flatMap((lease) => {
      this.report(host, lease, value)
      return Array.from({ length: lease.count }, (_, i) => lease.start + i)
    })
  }

  /** The host is given just this unit, and reports it. */
  vote(host: HostId, id: JobId, start: number, value: (unit: number) => Uint8Array = u32): void {
    const lease = { job: id, epoch: this.job(id).nextEpoch, start, count: 1, executor: 'js' as const, deadline: this.now + 60_000 }
    evolve(this.state, { type: 'leased', ...lease, holder: this.holder(host) })
    this.report(host, { ...lease, durationMs: 60_000 }, value)
  }

  settled(): Extract<CoordinatorEvent, { type: 'settled' }>[] {
    return this.events.filter((event) => event.type === 'settled')
  }
}

const settledUnit = (event: Extract<CoordinatorEvent, { type: 'settled' }>) => ({ ...event, settledAt: event.at })

it('a believed host decides alone, and a newcomer does not', () => {
  const world = new TrustWorld()
  const job = world.submit({ unitCount: 10, verification: CREDIBILITY })
  const [known] = world.trusted(job, 200, 'known')
  if (known === undefined) return
  world.work(known, 1)
  expect(world.settled()).toMatchObject([{ votes: [{ verdict: 'canonical' }] }])
  expect(world.settled()[0]?.errorProbability).toBeLessThan(0.001)
  world.work(world.connect('newcomer'), 1)
  expect(world.settled()).toEqual([])
})

it('whether a believed result is computed again is drawn after it has come', () => {
  const world = new TrustWorld()
  const job = world.job(world.submit({ unitCount: 10, verification: CREDIBILITY }))
  const [known] = world.trusted(job.id, 200, 'known')
  if (known === undefined) return
  const lease = only(world.ask(known, 1).leases)
  const command = { type: 'report' as const, ...reportOf(known, lease, [{ unit: lease.start, value: u32(1) }]) }
  const settles = (draw: number) => {
    const decision = decideReport(world.state, command, { now: 1, random: () => draw, policy: world.policy })
    return decision.ok && decision.events.some(({ type }) => type === 'settled')
  }
  const share = job.judging.checkShare()
  expect([settles(0), settles(share - 0.001), settles(share), settles(0.999)]).toEqual([false, false, true, true])
})

it('however well known a host is, it does not outvote another one alone', () => {
  const world = new TrustWorld()
  const job = world.submit({ unitCount: 1, verification: CREDIBILITY })
  const [known] = world.trusted(job, 100_000, 'known')
  if (known === undefined) return
  world.work(world.connect('newcomer'), 1, wrong)
  world.work(known, 1)
  expect(world.settled()).toEqual([])
})

it('adaptive: ten agreements in a row, then alone with probability 1 − 1/row, and an invalid result begins again', () => {
  const world = new TrustWorld()
  const id = world.submit({ unitCount: 20, verification: ADAPTIVE })
  const [nine, ten] = [...world.trusted(id, 9, 'nine'), ...world.trusted(id, 10, 'ten')]
  if (nine === undefined || ten === undefined) return
  const settles = (host: HostId, draw: number) => {
    const lease = only(world.ask(host, 1).leases)
    const command = { type: 'report' as const, ...reportOf(host, lease, [{ unit: lease.start, value: u32(1) }]) }
    const decision = decideReport(world.state, command, { now: 1, random: () => draw, policy: world.policy })
    return decision.ok && decision.events.some(({ type }) => type === 'settled')
  }
  expect([settles(nine, 0), settles(ten, 0.89), settles(ten, 0.91)]).toEqual([false, true, false])

  const other = new TrustWorld()
  const job = other.job(other.submit({ unitCount: 1, verification: ADAPTIVE }))
  const [loser] = other.trusted(job.id, 50, 'loser')
  if (loser === undefined) return
  // Another draw would have believed it; here a second opinion came.
  other.work(other.connect('a'), 1)
  other.work(loser, 1, wrong)
  other.work(other.connect('b'), 1)
  expect(other.settled()).toHaveLength(1)
  expect(reputationOf(other.state, job, other.holder(loser))?.passed).toBe(0)
})

it('two executors of one host do not vouch for each other', () => {
  const world = new TrustWorld()
  const job = world.job(world.submit({ unitCount: 1, verification: { policy: 'quorum', quorum: 2, ...common, independence: 'executor' } }))
  const host = world.connect('a', { executors: ['js', 'wasm'] })
  for (const executor of ['js', 'wasm'] as const) world.report(host, only(world.ask(host, 1, executor).leases), u32)
  expect(world.settled()).toHaveLength(1)
  for (const executor of ['js', 'wasm'] as const)
    expect(reputationOf(world.state, job, { ...world.holder(host), executor })).toMatchObject({ passed: 0, checks: 0, executions: 1 })
})

it('eight results that disagree with the leading answer make a unit inconclusive', () => {
  const world = new TrustWorld()
  const id = world.submit({ unitCount: 1, verification: CREDIBILITY })
  for (let n = 0; n < 9; n++) world.work(world.connect(`host ${n}`), 1, () => u32(n))
  expect(world.job(id).failures.get('inconclusive')?.units).toBe(1)
  expect(world.job(id).state).toBe('failed')
})

/** Two liars who say the same, against three who are known. */
function colluding() {
  const world = new TrustWorld()
  const id = world.submit({ unitCount: 40, verification: CREDIBILITY })
  const honest = world.trusted(id, 200, 'x', 'y', 'z')
  const lying = world.trusted(id, 200, 'liar', 'accomplice')
  const [liar, accomplice] = lying
  if (liar === undefined || accomplice === undefined) throw new Error('There are two liars')
  return { world, id, job: world.job(id), honest, liar, accomplice }
}

/** One unit on which both lie, when little is known of them any more, and are outvoted. */
function lieOnce({ world, honest, liar, accomplice, job }: ReturnType<typeof colluding>): void {
  for (const host of [liar, accomplice]) {
    const reputation = reputationOf(world.state, job, world.holder(host))
    if (reputation !== null) changeReputation(world.state.trust, reputation, (known) => Object.assign(known, { passed: 1 }))
  }
  const unit = job.cursor
  world.vote(world.connect(`newcomer ${unit}`), job.id, unit)
  for (const host of [liar, accomplice]) world.vote(host, job.id, unit, wrong)
  expect(
    job.units
      .get(unit)
      ?.results.map(({ holder }) => holder.host)
      .slice(1)
  ).toEqual([liar, accomplice])
  for (const host of honest) if (!job.settled.has(unit)) world.vote(host, job.id, unit)
  expect(world.settled()).toMatchObject([{ unit }])
}

it('a lost vote takes the belief away, and marks the host as suspect', () => {
  const scene = colluding()
  const { world, job, liar } = scene
  expect(isSuspect(world.state, world.holder(liar), job.signed.spec)).toBe(false)
  lieOnce(scene)
  expect(reputationOf(world.state, job, world.holder(liar))).toMatchObject({ passed: 0, failures: 1, colluded: 1 })
  expect(isSuspect(world.state, world.holder(liar), job.signed.spec)).toBe(true)
  expect(standingOf(world.state.trust, job.signed.spec, world.holder(liar)).doubt).toBeGreaterThan(0.01)
})

it('after a lost vote the latest units that the host decided alone are doubted, and those of its accomplices', () => {
  const scene = colluding()
  const { world, id, job, liar, accomplice } = scene
  const own = world.work(liar, 15)
  const others = world.work(accomplice, 3)
  lieOnce(scene)
  const [audit, ...more] = auditsDue(world.state, world.events)
  expect(more).toEqual([])
  expect(audit?.job).toBe(id)
  expect([...(audit?.units ?? [])].sort((a, b) => a - b)).toEqual([...own.slice(-AUDITED_UNITS), ...others].sort((a, b) => a - b))
  expect(audit?.units.every((unit) => job.settled.has(unit))).toBe(true)
})

it('a doubted unit keeps its vote, waits for others, and its credit is taken back until then', () => {
  const { world, id, job, liar } = colluding()
  world.work(liar, 1)
  const [event] = world.settled()
  if (event === undefined) throw new Error('It is believed alone')
  const { account } = world.holder(liar)
  const credit = world.state.credit.get(account)
  world.run(decideReopen, { type: 'reopen', job: id, cause: 'doubted', units: [settledUnit(event)] })
  expect(world.state.credit.get(account)).toBe(0)
  expect(job.units.get(event.unit)?.results).toMatchObject([{ digest: event.digest }])
  expect(reputationOf(world.state, job, world.holder(liar))?.alone).toEqual([])
  const [honest] = world.trusted(id, 200, 'honest')
  if (honest === undefined) return
  world.vote(honest, id, event.unit)
  expect(world.state.credit.get(account)).toBe(credit)
  expect(job.executions).toBe(2)
})

it('two wrong answers in common ban both, and nothing of them stays', () => {
  const scene = colluding()
  const { world, id, job, liar, accomplice } = scene
  const alone = world.work(liar, 5)
  const decidedAlone = world.settled()
  lieOnce(scene)
  // Results of units that are not settled, and a lease that is still open.
  const open = world.ask(accomplice, 1).leases[0]
  const pending = job.cursor
  world.vote(liar, id, pending)
  expect(job.units.get(pending)?.results).toHaveLength(1)
  lieOnce(scene)
  expect([...world.state.trust.bans.values()].map(({ host, cause, swept }) => [host, cause, swept])).toEqual(
    expect.arrayContaining([
      [liar, 'collusion', false],
      [accomplice, 'collusion', false]
    ])
  )
  expect(
    [...job.units.values()].flatMap(({ results }) => results).filter(({ holder }) => [liar, accomplice].includes(holder.host))
  ).toEqual([])
  expect(world.state.leasesOf.get(accomplice)).toBeUndefined()
  if (open !== undefined) expect(world.report(accomplice, open, u32)).toEqual([{ unit: open.start, answer: 'rejected' }])
  expect(world.events).toEqual([])
  expect(world.ask(liar, 1)).toMatchObject({ leases: [], why: 'host_banned' })

  expect(unsweptBans(world.state)).toEqual(expect.arrayContaining([liar, accomplice]))
  const units = decidedAlone.map(settledUnit)
  expect(units.every(({ votes }) => decidedOnlyByBanned(world.state, votes))).toBe(true)
  expect(world.run(decideReopen, { type: 'reopen', job: id, cause: 'banned', units }).units).toEqual(alone)
  for (const unit of alone) expect(job.units.get(unit)?.results).toEqual([])
  expect(world.state.credit.get(world.holder(liar).account)).toBe(0)
})

it('who is pardoned begins as a new host', () => {
  const scene = colluding()
  const { world, job, liar } = scene
  lieOnce(scene)
  lieOnce(scene)
  expect(world.run(decidePardon, { type: 'pardon', host: liar })).toEqual({ pardoned: true })
  expect(reputationOf(world.state, job, world.holder(liar))).toMatchObject({ passed: 0, checks: 0, failures: 0, colluded: 0, faults: [] })
  expect(world.ask(liar, 1).leases).toHaveLength(1)
  expect(world.run(decidePardon, { type: 'pardon', host: liar })).toEqual({ pardoned: false })
})

it('a unit that somebody believed stands behind survives a ban', () => {
  const { world, liar } = colluding()
  world.state.trust.bans.set(liar, { host: liar, cause: 'errors', at: 0, swept: false })
  const vote = (host: HostId, verdict: Vote['verdict']) => ({ holder: world.holder(host), verdict }) as Vote
  const honest = world.connect('honest')
  expect(decidedOnlyByBanned(world.state, [vote(liar, 'canonical'), vote(honest, 'agrees')])).toBe(false)
  expect(decidedOnlyByBanned(world.state, [vote(liar, 'canonical'), vote(honest, 'rejected')])).toBe(true)
})

it('units of a job that has ended are reopened, and it ends again', () => {
  const world = new TrustWorld()
  const id = world.submit({ unitCount: 2, verification: CREDIBILITY })
  const [liar, honest] = world.trusted(id, 200, 'liar', 'honest')
  if (liar === undefined || honest === undefined) return
  world.work(liar, 2, wrong)
  const settled = world.settled()
  expect(world.job(id).state).toBe('completed')
  world.state.trust.bans.set(liar, { host: liar, cause: 'errors', at: 0, swept: false })
  world.run(decideReopen, { type: 'reopen', job: id, cause: 'banned', units: settled.map(settledUnit) })
  expect(world.job(id)).toMatchObject({ state: 'running', stateWhy: 'units_reopened', endedAt: null })
  world.work(honest, 2)
  expect(world.job(id).state).toBe('completed')
  expect(world.job(id).reduced).toEqual({ kind: 'sum', sum: '1' })
})

function verified(world: TrustWorld, host: HostId, pass: boolean): readonly { unit: number; answer: string }[] {
  const lease = only(world.ask(host, 1).leases)
  const verdicts: Verdict[] = [{ pass, detail: pass ? '' : 'the residual is 7' }]
  return world.run(decideReport, { type: 'report', ...reportOf(host, lease, [{ unit: lease.start, value: u32(1) }]), verdicts })
}

it('a result that fails the verifier is rejected, and held against its host once another one has passed', () => {
  const world = new TrustWorld()
  const job = world.job(world.submit({ unitCount: 1, verification: VERIFIER }))
  const liars = ['l1', 'l2', 'l3', 'l4', 'l5'].map((name) => world.connect(name))
  for (const liar of liars) expect(verified(world, liar, false)).toMatchObject([{ answer: 'rejected' }])
  for (const liar of liars) expect(reputationOf(world.state, job, world.holder(liar))).toMatchObject({ failures: 0 })
  const honest = world.connect('honest')
  verified(world, honest, true)
  expect(job.state).toBe('completed')
  expect(job.executions).toBe(1)
  for (const liar of liars) expect(reputationOf(world.state, job, world.holder(liar))).toMatchObject({ failures: 1 })
  expect(reputationOf(world.state, job, world.holder(honest))).toMatchObject({ failures: 0, passed: 1 })
})

it('what the verifier has passed stands when its host is banned', () => {
  const world = new TrustWorld()
  const job = world.job(world.submit({ unitCount: 2, verification: VERIFIER }))
  const host = world.connect('host')
  verified(world, host, true)
  const units = world.settled().map(settledUnit)
  expect(units).toHaveLength(1)
  world.state.trust.bans.set(host, { host, cause: 'errors', at: 0, swept: false })
  expect(world.run(decideReopen, { type: 'reopen', job: job.id, cause: 'banned', units }).units).toEqual([])
  world.state.trust.fooled.add(job.id)
  expect(world.run(decideReopen, { type: 'reopen', job: job.id, cause: 'banned', units }).units).toEqual([0])
})
