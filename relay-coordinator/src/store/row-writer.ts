/** Events as rows. What is settled in the transaction that brings its last result never becomes a pending row. */
import type { DatabaseSync } from 'node:sqlite'
import { PeerComputeError, type AccountId, type HostId, type JobId } from '@peercompute/job-specs'
import { hostRow, jobRow, touched, type CoordinatorEvent, type CoordinatorState } from '../core/index.ts'
import type { HolderTable } from './holders.ts'
import { rowStatements } from './row-statements.ts'
import { specBytes } from './spec-bytes.ts'
import { encodeVotes } from './votes.ts'

type Settled = Extract<CoordinatorEvent, { type: 'settled' }>

/** What a transaction has added to the settled rows of a job. */
export interface SettledRows {
  readonly job: number
  units: number
  bytes: number
  ended: boolean
}

export class RowWriter {
  readonly #sql
  readonly #holders: HolderTable
  #numbers = new Map<JobId, number>()
  /** Jobs that have failed attempts among their rows. */
  #failing = new Set<number>()

  constructor(database: DatabaseSync, holders: HolderTable) {
    this.#sql = rowStatements(database)
    this.#holders = holders
    for (const row of this.#sql.failingJobs.all()) this.#failing.add(Number(row['job']))
  }

  /** Inside a transaction; call `forget` when that is taken back. */
  write(events: readonly CoordinatorEvent[], state: CoordinatorState): readonly SettledRows[] {
    const { jobs, hosts, accounts } = touched(events, state)
    for (const id of jobs) this.#saveJob(id, state)
    const group = new Group(events)
    for (const event of events) this.#apply(event, group)
    const greeted = new Set(events.flatMap((event) => (event.type === 'host-connected' ? [event.host] : [])))
    for (const id of hosts) this.#saveHost(id, state, greeted.has(id))
    for (const id of accounts) this.#sql.putCredit.run(id, state.credit.get(id) ?? 0)
    return group.settledRows()
  }

  /** Null for a job without a row. */
  numberOf(job: JobId): number | null {
    const known = this.#numbers.get(job)
    if (known !== undefined) return known
    const no = this.#sql.jobNumber.get(job)?.['no']
    if (typeof no !== 'number') return null
    this.#numbers.set(job, no)
    return no
  }

  /** A transaction was taken back. */
  forget(): void {
    this.#numbers = new Map()
  }

  #no(job: JobId): number {
    const no = this.numberOf(job)
    if (no === null) throw new PeerComputeError('INTERNAL', `the store has no row of job ${job}`)
    return no
  }

  #saveJob(id: JobId, state: CoordinatorState): void {
    const job = state.jobs.get(id)
    if (job === undefined) return
    const row = jobRow(job)
    const changing = [
      row.state,
      row.stateWhy,
      flag(row.held),
      json(row.missingBlobs),
      row.cursor,
      row.nextEpoch,
      row.executions,
      json(row.reduced),
      row.firstSettledAt,
      row.endedAt,
      flag(row.retired),
      json(row.settlers),
      json(row.failures)
    ]
    if (this.#sql.updateJob.run(...changing, id).changes > 0) return
    const { lastInsertRowid } = this.#sql.insertJob.run(...changing, id, flag(row.custodial), row.submittedAt)
    this.#sql.putSpec.run(lastInsertRowid, specBytes(row.signed))
  }

  #saveHost(id: HostId, state: CoordinatorState, whole: boolean): void {
    const entry = state.hosts.get(id)
    if (entry === undefined) return
    const row = hostRow(entry)
    const counts = [row.lastSeenAt, row.validated, row.rejected, row.failed, row.microCredits]
    if (!whole && this.#sql.updateHost.run(...counts, id).changes > 0) return
    this.#sql.putHost.run(id, row.account, row.label, json(row.description), row.subnet, ...counts)
  }

  #apply(event: CoordinatorEvent, group: Group): void {
    const sql = this.#sql
    switch (event.type) {
      case 'job-state': {
        if (event.state === 'queued' || event.state === 'running' || event.state === 'paused') return
        const no = this.#no(event.job)
        for (const statement of sql.forgetInFlight) statement.run(no)
        this.#failing.delete(no)
        group.ended(no)
        return
      }
      case 'leased':
        sql.putLease.run(this.#no(event.job), event.epoch, event.start, event.count, this.#holders.numberOf(event.holder), event.deadline)
        return
      case 'lease-renewed':
        sql.renewLease.run(event.deadline, this.#no(event.job), event.epoch)
        return
      case 'lease-over':
        if (event.cause === 'expired' || event.cause === 'disconnected') sql.endLease.run(this.#no(event.job), event.epoch)
        else sql.dropLease.run(this.#no(event.job), event.epoch)
        return
      case 'result': {
        if (group.closes(event.job, event.unit)) return
        const { epoch, holder, numericClass, probeVersion, digest, value, computeMs, at } = event.result
        const by = this.#holders.numberOf(holder)
        sql.putResult.run(this.#no(event.job), event.unit, epoch, by, numericClass, probeVersion, digest, value, computeMs, at)
        return
      }
      case 'failure': {
        if (group.closes(event.job, event.unit)) return
        const { epoch, holder, reason, message } = event.attempt
        const no = this.#no(event.job)
        this.#failing.add(no)
        sql.putFailure.run(no, event.unit, epoch, this.#holders.numberOf(holder), reason, message)
        return
      }
      case 'settled':
        this.#settle(event, group)
        return
      case 'unit-errored':
        sql.putErrored.run(this.#no(event.job), event.unit, event.reason)
        this.#forgetUnit(this.#no(event.job), event.unit)
        return
      case 'units-restored':
        sql.putNotHeld.run(this.#no(event.job), event.start, event.count)
        return
      case 'job-submitted':
      case 'job-approved':
      case 'job-restored':
      case 'units-reopened':
      case 'host-banned':
      case 'ban-swept':
      case 'job-priced':
      case 'reduced-anew':
      case 'lease-straggling':
      case 'credit-restored':
      case 'job-retired':
      case 'job-blob':
      case 'host-connected':
      case 'host-disconnected':
        return
    }
  }

  #settle(event: Settled, group: Group): void {
    const no = this.#no(event.job)
    this.#sql.putSettled.run(no, event.unit, event.digest, event.value, encodeVotes(event.votes, this.#holders), event.at)
    this.#forgetUnit(no, event.unit)
    group.settled(no, event.value.length)
  }

  #forgetUnit(no: number, unit: number): void {
    this.#sql.forgetResults.run(no, unit)
    if (this.#failing.has(no)) this.#sql.forgetFailures.run(no, unit)
  }
}

/** What the events of one transaction add up to. */
class Group {
  readonly #closed = new Map<JobId, Set<number>>()
  readonly #rows = new Map<number, SettledRows>()

  constructor(events: readonly CoordinatorEvent[]) {
    for (const event of events) {
      if (event.type !== 'settled' && event.type !== 'unit-errored') continue
      const units = this.#closed.get(event.job)
      if (units === undefined) this.#closed.set(event.job, new Set([event.unit]))
      else units.add(event.unit)
    }
  }

  closes(job: JobId, unit: number): boolean {
    return this.#closed.get(job)?.has(unit) === true
  }

  settled(job: number, bytes: number): void {
    const rows = this.#of(job)
    rows.units++
    rows.bytes += bytes
  }

  ended(job: number): void {
    this.#of(job).ended = true
  }

  settledRows(): readonly SettledRows[] {
    return [...this.#rows.values()]
  }

  #of(job: number): SettledRows {
    const known = this.#rows.get(job)
    if (known !== undefined) return known
    const rows = { job, units: 0, bytes: 0, ended: false }
    this.#rows.set(job, rows)
    return rows
  }
}

function json(value: unknown): string {
  return JSON.stringify(value)
}

function flag(value: boolean): number {
  return value ? 1 : 0
}

/** Per account, what the group has earned it, for the audit log. */
export function earned(events: readonly Settled[]): ReadonlyMap<AccountId, number> {
  const out = new Map<AccountId, number>()
  for (const { votes, microCredits } of events)
    for (const { holder, verdict } of votes)
      if (verdict !== 'rejected') out.set(holder.account, (out.get(holder.account) ?? 0) + microCredits)
  return out
}
