/** The state that a store's rows stand for. Hosts come back as disconnected; their leases stay valid until the deadline. */
import { RangeSet } from './range-set.ts'
import { emptyState, newUnit, type CoordinatorState, type JobEntry } from './state.ts'
import type { JobRow, LeaseRow, StoredRows } from './store.ts'
import { queueWants } from './wants.ts'

export function rebuild(rows: StoredRows): CoordinatorState {
  const state = emptyState()
  for (const row of rows.hosts) state.hosts.set(row.host, { ...row, connected: false, unitsHeld: 0 })
  for (const [account, microCredits] of rows.credit) state.credit.set(account, microCredits)
  for (const row of rows.jobs) state.jobs.set(row.id, jobEntry(row))
  for (const { job, start, count } of rows.settled) state.jobs.get(job)?.settled.add(start, count)
  for (const { job, start, count } of rows.notHeld) {
    state.jobs.get(job)?.settled.add(start, count)
    state.jobs.get(job)?.notHeld.add(start, count)
  }
  for (const { job, start, count } of rows.errored) state.jobs.get(job)?.errored.add(start, count)
  for (const job of state.jobs.values()) if (job.endedAt === null) unitsInFlight(job)
  for (const { job, unit, result } of rows.results) state.jobs.get(job)?.units.get(unit)?.results.push(result)
  for (const { job, unit, attempt } of rows.failures) state.jobs.get(job)?.units.get(unit)?.failures.push(attempt)
  for (const row of rows.leases) {
    const job = state.jobs.get(row.job)
    if (job !== undefined) restoreLease(state, job, row)
  }
  for (const job of state.jobs.values()) queueWants(job, job.units.keys())
  return state
}

function jobEntry(row: JobRow): JobEntry {
  return {
    ...row,
    missingBlobs: new Set(row.missingBlobs),
    units: new Map(),
    leases: new Map(),
    wants: new Map(),
    settled: new RangeSet(),
    errored: new RangeSet(),
    notHeld: new RangeSet(),
    settlers: new Set(row.settlers),
    failures: new Map(row.failures),
    unable: new Map(),
    lastTurn: 0
  }
}

/** A unit is in flight when it has been leased once and is neither settled nor errored. */
function unitsInFlight(job: JobEntry): void {
  const closed = [...job.settled.ranges(), ...job.errored.ranges()].sort((a, b) => a[0] - b[0])
  let next = 0
  for (const [start, count] of [...closed, [job.cursor, 0] as const]) {
    for (; next < start; next++) job.units.set(next, newUnit())
    next = Math.max(next, start + count)
  }
}

function restoreLease(state: CoordinatorState, job: JobEntry, row: LeaseRow): void {
  const unreported = new Set<number>()
  for (let number = row.start; number < row.start + row.count; number++) {
    const unit = job.units.get(number)
    if (unit === undefined || unit.results.some((r) => r.epoch === row.epoch) || unit.failures.some((f) => f.epoch === row.epoch)) continue
    unreported.add(number)
    if (!row.over) unit.active.add(row.epoch)
  }
  if (unreported.size === 0) return
  const { epoch, start, count, holder, deadline, over } = row
  job.leases.set(epoch, { epoch, start, count, holder, deadline, over, unreported })
  const host = state.hosts.get(holder.host)
  if (host !== undefined && !over) host.unitsHeld += unreported.size
}
