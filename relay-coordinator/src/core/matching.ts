/** Which units of a job a host may be given. Reads only; the cost grows with the number of ranges, not of units. */
import { kernelExecutors, LEASE_UNITS_MAX, type UnitFailure } from '@peercompute/job-specs'
import { dependent } from './independence.ts'
import type { Holder, JobEntry, UnitInFlight } from './state.ts'
import { transition } from './transition.ts'

export interface Range {
  readonly start: number
  readonly count: number
}

export type Match =
  | { readonly kind: 'units'; readonly ranges: readonly Range[] }
  | { readonly kind: 'nothing'; readonly why: 'no_work_available' | 'no_matching_work' | 'independence_unmet' }

/** Failures in a row after which a host is no longer asked for this job on this executor. */
export const UNABLE_AFTER = 3
const RANGES_MAX = 64

/** Failures that another try on the same host could turn out otherwise. */
const PASSING_FAILURES: ReadonlySet<UnitFailure> = new Set(['timeout', 'device_lost', 'out_of_memory', 'missing_blob', 'cancelled'])

export function isPassing(failure: UnitFailure): boolean {
  return PASSING_FAILURES.has(failure)
}

/** The program has failed on this host and executor, again and again. */
export function isUnable(job: JobEntry, holder: Holder): boolean {
  return (job.unable.get(executorKey(holder)) ?? 0) >= UNABLE_AFTER
}

export function executorKey(holder: Holder): string {
  return `${holder.host}/${holder.executor}`
}

export function matchJob(job: JobEntry, holder: Holder, units: number): Match {
  if (!kernelExecutors(job.signed.spec.kernel).includes(holder.executor)) return { kind: 'nothing', why: 'no_matching_work' }
  if (isUnable(job, holder)) return { kind: 'nothing', why: 'no_matching_work' }
  const ranges: Range[] = []
  let left = units
  for (const [start, count] of job.wants) {
    if (left === 0 || ranges.length === RANGES_MAX) break
    for (const range of eligibleRuns(job, holder, start, count, left)) {
      ranges.push(range)
      left -= range.count
    }
  }
  const unsent = Math.min(left, job.signed.spec.unitCount - job.cursor)
  if (unsent > 0) ranges.push({ start: job.cursor, count: unsent })
  if (ranges.length > 0) return { kind: 'units', ranges: merged(ranges) }
  return { kind: 'nothing', why: job.wants.size > 0 ? 'independence_unmet' : 'no_work_available' }
}

/** Units that were queued one by one but follow each other become one lease. */
function merged(ranges: readonly Range[]): Range[] {
  const out: { start: number; count: number }[] = []
  for (const { start, count } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = out.at(-1)
    if (last !== undefined && last.start + last.count === start && last.count + count <= LEASE_UNITS_MAX) last.count += count
    else out.push({ start, count })
  }
  return out
}

/**
 * Runs of units inside a wanted range that this holder may take. The units of a range share their history when they were
 * queued, so a holder that may not have the first one is taken not to fit the range.
 */
function eligibleRuns(job: JobEntry, holder: Holder, start: number, count: number, most: number): Range[] {
  const runs: Range[] = []
  let run: { start: number; count: number } | null = null
  let taken = 0
  for (let number = start; number < start + count && taken < most; number++) {
    const unit = job.units.get(number)
    if (unit === undefined || !wantsMore(job, unit)) {
      run = null
      continue
    }
    if (!mayTake(job, holder, unit)) {
      if (taken === 0) return []
      run = null
      continue
    }
    if (run === null) runs.push((run = { start: number, count: 0 }))
    run.count++
    taken++
  }
  return runs
}

export function wantsMore(job: JobEntry, unit: UnitInFlight): boolean {
  const next = transition(unit, job.signed.spec)
  return next.kind === 'open' && next.missing > 0
}

function mayTake(job: JobEntry, holder: Holder, unit: UnitInFlight): boolean {
  const level = job.signed.spec.verification.independence
  if (unit.results.some((result) => dependent(result.holder, holder, level))) return false
  for (const epoch of unit.active) {
    const lease = job.leases.get(epoch)
    if (lease !== undefined && dependent(lease.holder, holder, level)) return false
  }
  return !unit.failures.some(
    (failure) => !isPassing(failure.reason) && failure.holder.host === holder.host && failure.holder.executor === holder.executor
  )
}
