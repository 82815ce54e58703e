/**
 * Random histories of many hosts, jobs and researchers against both stores: whatever happens in whatever order, nothing is settled
 * twice or by too few, credit is conserved, every index is what counting would give, a restart at any moment gives back the same
 * state, and no job is stuck for ever.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leastResults, sha256Hex } from '@peercompute/job-specs'
import type { ContentHash, Independence, JobId, Lease } from '@peercompute/job-specs'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { reportOf, u32 } from '../testing/fixtures.ts'
import { FRESH, HOSTS, jobsOf, POLICY, step, type Mode, type Step } from '../testing/model-steps.ts'
import { counted, couldTake, essence, indexes, tellAgain } from '../testing/model-checks.ts'
import {
  candidateOf,
  auditsDue,
  createMemoryStore,
  decidedOnlyByBanned,
  decideBanSwept,
  decidePardon,
  decideReopen,
  unsweptBans,
  decideAsk,
  decideCheckpoint,
  decideConnect,
  decideControl,
  decideDisconnect,
  decideExpire,
  decideRelease,
  decideRenew,
  decideReport,
  decideRestore,
  decideSubmit,
  dependent,
  emptyState,
  evolve,
  isOpen,
  rebuild,
  trialSeats,
  unitCounts,
  type ConnectedHost,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type Decider,
  type Vote
} from './index.ts'

/** Over all histories: they would show nothing if nobody were ever banned. */
const met = { bans: 0, doubted: 0, banned: 0, restarts: 0, handed: 0, resumed: 0 }

class World {
  readonly state = emptyState()
  readonly store: CoordinatorStore
  readonly jobs: ReturnType<typeof jobsOf>
  readonly votesOf = new Map<string, readonly Vote[]>()
  readonly leases: { lease: Lease; host: ConnectedHost }[] = []
  /** Jobs whose trial has been over once: it may begin again when units are given up. */
  readonly widened = new Set<JobId>()
  now = 1_000
  policy = POLICY
  #draws = 0
  #follows = false
  /** Units that have ever been. */
  readonly reopened = new Set<string>()

  constructor(store: CoordinatorStore, independence: Independence) {
    this.store = store
    this.jobs = jobsOf(independence)
    for (const n of [0, 1, 2]) this.submit(n)
    for (const each of HOSTS) this.run(decideConnect, { type: 'connect', host: each })
  }

  /** The refusal's code when there is one. */
  run<C, A>(decider: Decider<C, A>, command: C): A | string {
    const random = () => (this.#draws = (this.#draws * 16_807 + 7) % 2_147_483_647) / 2_147_483_647
    const decision = decider(this.state, command, { now: this.now, random, policy: this.policy })
    if (!decision.ok) return decision.code
    for (const event of decision.events) {
      evolve(this.state, event)
      if (event.type === 'host-banned') met.bans++
      if (event.type === 'units-reopened') {
        met[event.cause] += event.units.length
        for (const { unit } of event.units) {
          expect(this.votesOf.delete(`${event.job}/${unit}`)).toBe(true)
          this.reopened.add(`${event.job}/${unit}`)
        }
      }
      if (event.type !== 'settled') continue
      met.resumed += event.votes.filter(({ holder }) => holder.resumed !== undefined).length
      for (const { holder, telling } of event.faults ?? [])
        if (telling) expect(event.votes.find((vote) => vote.holder.host === holder.host)?.holder.resumed).toBeUndefined()
      expect(this.votesOf.has(`${event.job}/${event.unit}`)).toBe(false)
      this.votesOf.set(`${event.job}/${event.unit}`, event.votes)
    }
    const events: readonly CoordinatorEvent[] = decision.events
    if (events.length > 0) this.store.commit(events, this.state)
    for (const each of this.state.jobs.values()) if (trialSeats(each) === null) this.widened.add(each.id)
    if (!this.#follows) this.followUp(events)
    return decision.answer
  }

  /** As an engine does after a decision: what is no longer believed is found in the store, and reopened. */
  followUp(events: readonly CoordinatorEvent[]): void {
    this.#follows = true
    for (const { job: id, units } of auditsDue(this.state, events)) {
      const settled = this.store.settledUnits(id, 0, 100).filter(({ unit }) => units.includes(unit))
      expect(settled).toHaveLength(units.length)
      this.run(decideReopen, { type: 'reopen', job: id, cause: 'doubted', units: settled })
    }
    for (const banned of unsweptBans(this.state)) {
      for (const id of this.state.jobs.keys()) {
        const units = this.store.settledUnits(id, 0, 100).filter(({ votes }) => decidedOnlyByBanned(this.state, votes))
        this.run(decideReopen, { type: 'reopen', job: id, cause: 'banned', units })
      }
      this.run(decideBanSwept, { type: 'ban-swept', host: banned })
    }
    this.#follows = false
  }

  submit(n: number): void {
    const each = this.jobs[n]
    if (each === undefined) return
    const { job: id, signed } = each
    const open = [...this.state.jobs.values()].filter((entry) => isOpen(entry) && entry.signed.author === signed.author)
    const units = open.reduce((sum, entry) => sum + entry.signed.spec.unitCount, signed.spec.unitCount)
    const known = this.state.jobs.has(id)
    const allowed = known || (open.length < POLICY.openJobsPerAuthor && units <= POLICY.openUnitsPerAuthor)
    const answer = this.run(decideSubmit, { type: 'submit', job: id, signed, custodial: false, missingBlobs: [], held: false })
    expect(answer).toEqual(allowed ? { created: !known } : 'QUOTA_EXCEEDED')
  }

  /** Work is found exactly when looking at every unit of every job finds some, and of a researcher's jobs the most urgent. */
  ask(asker: ConnectedHost, kind: 'js' | 'wasm', units: number): number {
    const entry = this.state.hosts.get(asker.host)
    const executor = entry?.description.executors.find((each) => each.kind === kind)
    if (entry === undefined || executor === undefined) return 0
    const open = [...this.state.jobs.values()].filter((each) => couldTake(each, candidateOf(entry, executor)))
    const answer = this.run(decideAsk, { type: 'ask', host: asker.host, executor: kind, units, seconds: 0 })
    if (typeof answer === 'string') throw new Error(answer)
    if (answer.why === 'lease_limit') {
      const held = [...this.state.jobs.values()].flatMap((each) => [...each.leases.values()]).filter((each) => !each.over)
      expect(held.filter(({ holder }) => holder.host === asker.host).length).toBeGreaterThanOrEqual(2)
      return 0
    }
    if (answer.why === 'host_banned') {
      expect(this.state.trust.bans.has(asker.host)).toBe(true)
      return 0
    }
    expect(answer.leases.length > 0).toBe(open.length > 0 && this.policy.leasing)
    if (answer.leases.length === 0) expect(answer.why).toBeDefined()
    const given = open.find(({ id }) => id === answer.leases[0]?.job)
    if (given !== undefined) {
      const own = open.filter((each) => each.signed.author === given.signed.author)
      expect(given.signed.spec.priority ?? 0).toBe(Math.max(...own.map((each) => each.signed.spec.priority ?? 0)))
      const seats = trialSeats(given)
      if (seats !== null && !this.widened.has(given.id)) expect(given.seats.size).toBeLessThanOrEqual(seats)
    }
    for (const { job: id, epoch, checkpoint } of answer.leases) {
      const holder = this.state.jobs.get(id)?.leases.get(epoch)?.holder
      if (checkpoint === undefined) expect(holder?.resumed).toBeUndefined()
      else met.handed++
    }
    this.leases.push(...answer.leases.map((each) => ({ lease: each, host: asker })))
    return answer.leases.length
  }

  report(index: number, mode: Mode, times: number): void {
    const held = this.leases[index % Math.max(1, this.leases.length)]
    if (held === undefined) return
    const { lease: of, host: by } = held
    const numbers = Array.from({ length: mode === 'half' ? Math.ceil(of.count / 2) : of.count }, (_, i) => of.start + i)
    const values = numbers.map((unit) => ({
      unit,
      value:
        mode === 'fail' || mode === 'uncompiled'
          ? null
          : u32(mode === 'wrong' ? 1_000 + unit + of.epoch : mode === 'same' ? 9_000 + unit : unit)
    }))
    const numericClass = by.description.executors[0]?.numericClass ?? ''
    const reason = mode === 'uncompiled' ? 'compile_error' : 'runtime_error'
    for (let time = 0; time < times; time++)
      this.run(decideReport, { type: 'report', ...reportOf(by.host, of, values, { reason, numericClass }) })
  }

  step(each: Step): void {
    this.now += 10
    switch (each.do) {
      case 'connect':
      case 'disconnect': {
        const who = HOSTS[each.host]
        if (who === undefined) return
        if (each.do === 'connect') this.run(decideConnect, { type: 'connect', host: who })
        else this.run(decideDisconnect, { type: 'disconnect', host: who.host })
        return
      }
      case 'ask': {
        const asker = HOSTS[each.host]
        if (asker !== undefined) this.ask(asker, each.executor, each.units)
        return
      }
      case 'report':
        this.report(each.lease, each.mode, each.times)
        return
      case 'release':
      case 'renew': {
        const held = this.leases[each.lease % Math.max(1, this.leases.length)]
        if (held === undefined) return
        const { job: id, epoch } = held.lease
        if (each.do === 'release') this.run(decideRelease, { type: 'release', host: held.host.host, job: id, epoch })
        else this.run(decideRenew, { type: 'renew', host: held.host.host, leases: [{ job: id, epoch }] })
        return
      }
      case 'checkpoint': {
        const held = this.leases[each.lease % Math.max(1, this.leases.length)]
        if (held === undefined) return
        const { job: id, epoch, start, count } = held.lease
        const saved = { host: held.host.host, job: id, epoch, sha256: sha256Hex(u32(epoch)) as ContentHash, bytes: 4 }
        for (let unit = start; unit < start + Math.min(2, count); unit++) this.run(decideCheckpoint, { type: 'checkpoint', ...saved, unit })
        if (each.gone) this.run(decideRelease, { type: 'release', host: saved.host, job: id, epoch })
        return
      }
      case 'expire':
        this.now += each.ms
        this.run(decideExpire, { type: 'expire' })
        return
      case 'restore': {
        const [first] = this.jobs
        if (first === undefined) return
        const { job: id, signed } = first
        const settled = [{ start: each.start, count: each.count }]
        const command = { type: 'restore', job: id, signed, custodial: false, missingBlobs: [], settled, ended: null } as const
        this.run(decideRestore, command)
        expect(this.run(decideRestore, command)).toEqual({ created: false, units: 0 })
        return
      }
      case 'pardon': {
        const who = HOSTS[each.host]
        if (who !== undefined) this.run(decidePardon, { type: 'pardon', host: who.host })
        return
      }
      case 'submit':
        this.submit(each.job)
        return
      case 'silence':
        for (const asker of [...HOSTS, ...HOSTS]) for (const kind of ['js', 'wasm'] as const) this.ask(asker, kind, 10)
        this.now += 12_000
        this.run(decideExpire, { type: 'expire' })
        return
      case 'spell':
        for (const asker of HOSTS) {
          const before = this.leases.length
          this.ask(asker, 'js', 6)
          for (let index = before; index < this.leases.length; index++) this.report(index, each.mode, 1)
        }
        return
      case 'lies':
        for (const [n, asker] of HOSTS.entries()) {
          const before = this.leases.length
          this.ask(asker, 'js', 6)
          for (let index = before; index < this.leases.length; index++) this.report(index, n === each.host || n === 4 ? 'same' : 'right', 1)
        }
        return
      case 'leasing':
        this.policy = { ...POLICY, leasing: each.on }
        return
      case 'cancel':
      case 'pause':
      case 'resume': {
        const of = this.jobs[each.job]
        if (of !== undefined) this.run(decideControl, { type: each.do, job: of.job })
      }
    }
  }

  check(): void {
    let earned = 0
    for (const [key, votes] of this.votesOf) {
      const valid = votes.filter((vote) => vote.verdict !== 'rejected').length
      earned += valid * (this.state.jobs.get(key.slice(0, 64) as JobId)?.unitMicroCredits ?? 0)
    }
    expect([...this.state.credit.values()].reduce((sum, credit) => sum + credit, 0)).toBe(earned)
    for (const each of this.state.jobs.values()) {
      const { independence } = each.signed.spec.verification
      const quorum = leastResults(each.signed.spec.verification)
      const mine = [...this.votesOf].filter(([key]) => key.startsWith(each.id))
      for (const { results } of each.units.values())
        expect(results.some((a) => results.some((b) => a !== b && dependent(a.holder, b.holder, independence)))).toBe(false)
      for (const unit of each.checkpoints.keys()) expect(each.units.has(unit)).toBe(true)
      expect(each.settled.size - each.notHeld.size).toBe(mine.length)
      expect(each.agreeing).toBe(mine.flatMap(([, votes]) => votes).filter(({ verdict }) => verdict !== 'rejected').length)
      const tooFew = mine.filter(([, votes]) => {
        const valid = votes.filter((vote) => vote.verdict !== 'rejected')
        return valid.length < quorum || valid.some((a) => valid.some((b) => a !== b && dependent(a.holder, b.holder, independence)))
      })
      expect(tooFew).toEqual([])
      const onlyBanned = mine.filter(([, votes]) => decidedOnlyByBanned(this.state, votes))
      if (each.state !== 'cancelled') expect(onlyBanned).toEqual([])
      const { inProgress, validating, wanting } = counted(each)
      expect(unitCounts(each)).toMatchObject({ inProgress, validating, validated: each.settled.size, errored: each.errored.size })
      expect(each.wanting.size).toBe(wanting.length)
      expect([...each.units.keys()].filter((unit) => each.settled.has(unit) || each.errored.has(unit))).toEqual([])
    }
  }

  /** A lease that had reported a unit before it was reopened counts as one that has not, after a restart. */
  holdsReopened({ jobs }: CoordinatorState): boolean {
    for (const { id, leases } of jobs.values())
      for (const { start, count } of leases.values())
        for (let unit = start; unit < start + count; unit++)
          if (this.reopened.has(`${id}/${unit}`) && !this.votesOf.has(`${id}/${unit}`)) return true
    return false
  }

  /** As after a restart at this moment, with what is not stored told again. */
  checkRestart(): void {
    const again = rebuild(this.store.load())
    if (this.holdsReopened(this.state) || this.holdsReopened(again)) return
    met.restarts++
    expect(essence(again)).toEqual(essence(this.state))
    tellAgain(again, this.state)
    expect(indexes(again)).toEqual(indexes(this.state))
  }

  /** Whatever happened: honest hosts of another class, time, and the researcher's hand bring every job to an end. */
  heal(): void {
    this.policy = POLICY
    for (const each of FRESH) this.run(decideConnect, { type: 'connect', host: each })
    for (let round = 0; round < 40 && [...this.state.jobs.values()].some(isOpen); round++) {
      this.now += 130_000
      this.run(decideExpire, { type: 'expire' })
      for (const { id, state } of this.state.jobs.values()) if (state === 'paused') this.run(decideControl, { type: 'resume', job: id })
      for (const each of FRESH) {
        const before = this.leases.length
        this.ask(each, 'js', 6)
        for (let index = before; index < this.leases.length; index++) this.report(index, 'right', 1)
      }
    }
    expect([...this.state.jobs.values()].filter(isOpen).map((each) => each.signed.spec.name)).toEqual([])
  }
}

describe.each(['memory', 'sqlite'] as const)('with the %s store', (kind) => {
  it.each(['executor', 'host', 'owner', 'subnet'] as const)(
    'random histories keep every promise under independence "%s"',
    (independence) => {
      const folder = mkdtempSync(join(tmpdir(), 'peercompute-model-'))
      let runs = 0
      const seed = Date.now() % 2 ** 31
      console.info(`seed ${seed}`)
      try {
        fc.assert(
          fc.property(fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), (steps) => {
            const store = kind === 'memory' ? createMemoryStore() : openSqliteStore(join(folder, `${runs++}.db`))
            try {
              const world = new World(store, independence)
              steps.forEach((each, n) => {
                world.step(each)
                world.check()
                if (n % (kind === 'memory' ? 3 : 16) === 0) world.checkRestart()
              })
              world.heal()
              world.check()
              world.checkRestart()
              for (const { job: id } of world.jobs) {
                const stored = store.settledUnits(id, 0, 100).map(({ unit }) => `${id}/${unit}`)
                expect(stored.sort()).toEqual([...world.votesOf.keys()].filter((key) => key.startsWith(id)).sort())
              }
            } finally {
              store.close()
            }
          }),
          { seed, numRuns: kind === 'memory' ? 30 : 4, interruptAfterTimeLimit: 50_000 }
        )
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    60_000
  )
})

it('the histories have met bans, units reopened for either cause, and checkpoints that were handed over', () => {
  expect(met.bans).toBeGreaterThan(0)
  expect(met.doubted).toBeGreaterThan(0)
  expect(met.banned).toBeGreaterThan(0)
  expect(met.restarts).toBeGreaterThan(0)
  expect(met.handed).toBeGreaterThan(0)
  expect(met.resumed).toBeGreaterThan(0)
})
