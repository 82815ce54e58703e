/**
 * A new job is tried on a few hosts before it goes to all, so that a broken one costs little. A host has a seat only while it works
 * on the job: one that failed, left or fell behind makes room for the next, so a trial cannot get stuck on whoever came first.
 */
import { leastResults, type HostId } from '@peercompute/job-specs'
import type { JobEntry } from './job.ts'

export const TRIAL_HOSTS = 3
/**
 * Units with a first success after which the trial is over. A first result counts, not a settlement: it shows that the program runs,
 * and a job whose hosts are not independent of each other would otherwise never get the others that it needs.
 */
export const TRIAL_UNITS = 10

/** Hosts that may work on it at the same time; null when its trial is over. */
export function trialSeats(job: JobEntry): number | null {
  if (job.settled.size + job.validating >= TRIAL_UNITS) return null
  return Math.max(TRIAL_HOSTS, leastResults(job.signed.spec.verification))
}

/** The hosts that alone may go on with it; null when others may join. */
export function seated(job: JobEntry): readonly HostId[] | null {
  const seats = trialSeats(job)
  return seats === null || job.seats.size < seats ? null : [...job.seats.keys()]
}
