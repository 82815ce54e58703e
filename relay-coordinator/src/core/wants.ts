/** The queue of unit ranges that want another execution: `job.wants`, start → count, in the order in which they are handed out. */
import { wantsMore } from './matching.ts'
import type { JobEntry, UnitInFlight } from './state.ts'

/** Queues those of the units that want more, as ranges. None of them may be queued already. */
export function queueWants(job: JobEntry, units: Iterable<number>): void {
  let start = -1
  let count = 0
  const flush = (): void => {
    if (count > 0) job.wants.set(start, count)
  }
  for (const number of units) {
    const unit = job.units.get(number)
    if (unit === undefined || !wantsMore(job, unit)) continue
    if (number === start + count) {
      count++
      continue
    }
    flush()
    start = number
    count = 1
  }
  flush()
}

/** Takes [start, start + count) out of the queue; what is left of the ranges that it cuts keeps waiting. */
export function dequeueWants(job: JobEntry, start: number, count: number): void {
  const end = start + count
  for (const [from, length] of [...job.wants]) {
    const to = from + length
    if (to <= start || from >= end) continue
    job.wants.delete(from)
    if (from < start) job.wants.set(from, start - from)
    if (to > end) job.wants.set(end, to - end)
  }
}

/** Applies a change to a unit's history and keeps the queue true to it. Returns whether the unit has begun to want an execution; the caller queues it. */
export function changeUnit(job: JobEntry, number: number, unit: UnitInFlight, change: () => void): boolean {
  const before = wantsMore(job, unit)
  change()
  const after = wantsMore(job, unit)
  if (before && !after) dequeueWants(job, number, 1)
  return !before && after
}
