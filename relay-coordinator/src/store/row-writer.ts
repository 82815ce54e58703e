/** Events as rows. What is settled in the transaction that brings its last result never becomes a pending row. */
import type { DatabaseSync } from 'node:sqlite'
import { PeerComputeError, type HostId, type JobId } from '@peercompute/job-specs'
import {
  hostRow,
  isResumed,
  jobRow,
  RangeSet,
  reputationRow,
  touched,
  type CoordinatorEvent,
  type CoordinatorState,
  type PendingResult,
  type Reputation,
  type UnitCheckpoint
} from '../core/index.ts'
import type { HolderTable } from './holders.ts'
import { RowGroup, type SettledRows } from './row-group.ts'
import { rowStatements } from './row-statements.ts'
import type { SegmentShelf } from './segment-shelf.ts'
import { specBytes } from './spec-bytes.ts'
import { encodeVotes } from './votes.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

export class RowWriter {
  readonly #sql
  readonly #holders: HolderTable
  readonly #shelf: Pick<SegmentShelf, 'lastNo' | 'reopened'>
  #numbers = new Map<JobId, number>()
  /** Jobs that have failed attempts among their rows. */
  #failing = new Set<number>()
  /** Jobs that have saved states among their rows. */
  #saving = new Set<number>()

  constructor(database: DatabaseSync, holders: HolderTable, shelf: Pick<SegmentShelf, 'lastNo' | 'reopened'>) {
    this.#sql = rowStatements(database)
    this.#holders = holders
    this.#shelf = shelf
    for (const row of this.#sql.failingJobs.all()) this.#failing.add(Number(row['job']))
    for (const row of this.#sql.savingJobs.all()) this.#saving.add(Number(row['job']))
  }

  /** Inside a transaction; call `forget` when that is taken back. */
  write(events: readonly CoordinatorEvent[], state: CoordinatorState): readonly SettledRows[] {
    const { jobs, hosts, accounts, reputations } = touched(events, state)
    for (const id of jobs) this.#saveJob(id, state)
    const group = new RowGroup(events)
    for (const event of events) this.#apply(event, group)
    const greeted = new Set(events.flatMap((event) => (event.type === 'host-connected' ? [event.host] : [])))
    for (const id of hosts) this.#saveHost(id, state, greeted.has(id))
    for (const id of accounts) this.#sql.putCredit.run(id, state.credit.get(id) ?? 0, state.carried.get(id) ?? 0)
    for (const reputation of reputations) this.#saveReputation(reputation)
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
      json(row.failures),
      flag(row.reduceAnew),
      row.unitMicroCredits,
      row.pricing === null ? null : json(row.pricing),
      row.agreeing
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

  #apply(event: CoordinatorEvent, group: RowGroup): void {
    const sql = this.#sql
    switch (event.type) {
      case 'job-state': {
        const no = this.#no(event.job)
        const ends = event.state === 'completed' || event.state === 'failed' || event.state === 'cancelled'
        group.ended(no, ends)
        if (!ends) return
        for (const statement of sql.forgetInFlight) statement.run(no)
        this.#failing.delete(no)
        this.#saving.delete(no)
        return
      }
      case 'leased':
        sql.putLease.run(this.#no(event.job), event.epoch, event.start, event.count, this.#holders.numberOf(event.holder), event.deadline)
        return
      case 'checkpoint-saved':
        this.#putCheckpoint(this.#no(event.job), event.unit, event.checkpoint)
        return
      case 'lease-renewed':
        sql.renewLease.run(event.deadline, this.#no(event.job), event.epoch)
        return
      case 'lease-over':
        if (event.cause === 'expired' || event.cause === 'disconnected') sql.endLease.run(this.#no(event.job), event.epoch)
        else sql.dropLease.run(this.#no(event.job), event.epoch)
        return
      case 'result': {
        if (!group.closes(event.job, event.unit)) this.#putResult(this.#no(event.job), event.unit, event.result)
        return
      }
      case 'failure': {
        if (group.closes(event.job, event.unit)) return
        const { epoch, holder, reason, message } = event.attempt
        const no = this.#no(event.job)
        if (isResumed(holder)) sql.dropCheckpoint.run(no, event.unit)
        this.#failing.add(no)
        sql.putFailure.run(no, event.unit, epoch, this.#holders.numberOf(holder), reason, message)
        return
      }
      case 'settled':
        this.#settle(event, group)
        return
      case 'units-reopened':
        this.#reopen(event, group)
        return
      case 'host-banned':
        sql.putBan.run(event.host, event.cause, event.at)
        sql.forgetLeasesOf.run(event.host)
        sql.forgetResultsOf.run(event.host)
        sql.forgetCheckpointsOf.run(event.host)
        return
      case 'host-pardoned':
        sql.dropBan.run(event.host)
        return
      case 'ban-swept':
        sql.banSwept.run(event.host)
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

  #putCheckpoint(no: number, unit: number, { epoch, sha256, bytes, by, numericClass, probeVersion, at }: UnitCheckpoint): void {
    this.#saving.add(no)
    this.#sql.putCheckpoint.run(no, unit, epoch, sha256, bytes, this.#holders.numberOf(by), numericClass, probeVersion, at)
  }

  #putResult(no: number, unit: number, result: PendingResult): void {
    const { epoch, holder, numericClass, probeVersion, digest, value, computeMs, at, verified = false } = result
    const by = this.#holders.numberOf(holder)
    this.#sql.putResult.run(no, unit, epoch, by, numericClass, probeVersion, digest, value, computeMs, at, flag(verified))
  }

  #settle(event: Of<'settled'>, group: RowGroup): void {
    const no = this.#no(event.job)
    const { unit, digest, value, votes, errorProbability, at } = event
    this.#sql.putSettled.run(no, unit, digest, value, encodeVotes(votes, this.#holders, digest), errorProbability, at)
    this.#forgetUnit(no, unit)
    group.settled(no, value.length)
  }

  #reopen({ job, units }: Of<'units-reopened'>, group: RowGroup): void {
    const no = this.#no(job)
    const lastSegment = this.#shelf.lastNo(no)
    const ranges = new RangeSet()
    for (const { unit, value, keep } of units) {
      ranges.add(unit)
      const rows = Number(this.#sql.takeBack.run(no, unit).changes)
      if (lastSegment > 0) this.#shelf.reopened.put(no, unit, lastSegment)
      for (const result of keep) this.#putResult(no, unit, result)
      group.reopened(no, rows, rows * value.length)
    }
    this.#sql.putUntold.run(no, json([...ranges.ranges()]))
  }

  #saveReputation(reputation: Reputation): void {
    const { host, executor, program, passed, checks, failures, colluded } = reputationRow(reputation)
    this.#sql.putReputation.run(host, executor, program, passed, checks, failures, colluded)
  }

  #forgetUnit(no: number, unit: number): void {
    this.#sql.forgetResults.run(no, unit)
    if (this.#failing.has(no)) this.#sql.forgetFailures.run(no, unit)
    if (this.#saving.has(no)) this.#sql.dropCheckpoint.run(no, unit)
  }
}

function json(value: unknown): string {
  return JSON.stringify(value)
}

function flag(value: boolean): number {
  return value ? 1 : 0
}
