/** The state that a store's rows stand for. Hosts come back as disconnected; their leases stay valid until the deadline. */
import type { CustomComparison } from './agreement.ts'
import { keepCheckpoint } from './checkpoints.ts'
import { addReputation } from './fleet-trust.ts'
import { hold } from './hold.ts'
import { sharing, unitChanged, unitOf } from './in-flight.ts'
import { jobEntry } from './job-entry.ts'
import { leaseMs } from './lease-time.ts'
import { enrol, place } from './place.ts'
import { RangeSet } from './range-set.ts'
import { reputationFrom } from './reputation.ts'
import type { JobEntry } from './job.ts'
import { emptyState, type CoordinatorState } from './state.ts'
import { countShare } from './subnet-share.ts'
import type { LeaseRow, StoredRows } from './store.ts'

/** `custom`: see CoordinatorState. */
export function rebuild(rows: StoredRows, custom?: CustomComparison): CoordinatorState {
  const state = emptyState(custom)
  for (const row of rows.reputations) addReputation(state.trust, reputationFrom(row))
  for (const ban of rows.bans) state.trust.bans.set(ban.host, { ...ban })
  for (const row of rows.hosts) state.hosts.set(row.host, { ...row, connected: false, unitsHeld: 0, resumes: false })
  for (const [account, microCredits, carried] of rows.credit) {
    state.credit.set(account, microCredits)
    if (carried !== 0) state.carried.set(account, carried)
  }
  const jobs = new Map(rows.jobs.map((row) => [row.id, jobEntry(row, state)]))
  for (const { job, start, count } of rows.settled) jobs.get(job)?.settled.add(start, count)
  for (const { job, start, count } of rows.notHeld) {
    jobs.get(job)?.settled.add(start, count)
    jobs.get(job)?.notHeld.add(start, count)
  }
  for (const { job, start, count } of rows.errored) jobs.get(job)?.errored.add(start, count)
  for (const job of jobs.values()) enrol(state, job)
  for (const job of jobs.values()) if (job.endedAt === null) unitsInFlight(job)
  for (const { job, unit: number, result } of rows.results) {
    const entry = jobs.get(job)
    const unit = entry?.units.get(number)
    if (entry === undefined || unit === undefined) continue
    unit.results = [...unit.results, result]
    countShare(entry, result.holder.subnet, 1)
  }
  for (const { job, unit: number, attempt } of rows.failures) {
    const unit = jobs.get(job)?.units.get(number)
    if (unit !== undefined) unit.failures = [...unit.failures, attempt]
  }
  for (const row of rows.leases) {
    const job = jobs.get(row.job)
    if (job !== undefined) restoreLease(state, job, row)
  }
  for (const { job, unit, checkpoint } of rows.checkpoints) {
    const entry = jobs.get(job)
    if (entry?.units.has(unit) === true) keepCheckpoint(state, entry, unit, checkpoint)
  }
  for (const job of jobs.values()) {
    for (const unit of job.units.values()) unitChanged(job, unit)
    if (job.validating > 0) job.trouble = null
    place(state, job)
  }
  return state
}

/** A unit is in flight when it has been leased once and is neither settled nor errored. */
function unitsInFlight(job: JobEntry): void {
  const closed = [...job.settled.ranges(), ...job.errored.ranges()].sort((a, b) => a[0] - b[0])
  let next = 0
  for (const [start, count] of [...closed, [job.cursor, 0] as const]) {
    for (; next < start; next++) unitOf(job, next)
    next = Math.max(next, start + count)
  }
}

function restoreLease(state: CoordinatorState, job: JobEntry, row: LeaseRow): void {
  const unreported = new RangeSet()
  const joined = sharing((epochs) => [...epochs, row.epoch])
  for (let number = row.start; number < row.start + row.count; number++) {
    const unit = job.units.get(number)
    if (unit === undefined || unit.results.some((r) => r.epoch === row.epoch) || unit.failures.some((f) => f.epoch === row.epoch)) continue
    unreported.add(number)
    if (!row.over) unit.active = joined(unit.active)
  }
  if (unreported.size === 0) return
  const { epoch, start, count, holder, deadline, over } = row
  const givenAt = deadline - leaseMs(job)
  hold(state, job, { job: job.id, epoch, start, count, holder, givenAt, deadline, over, straggling: false, unreported })
}
