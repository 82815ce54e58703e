/** Keeps the indexes over whole jobs true: who has work, what is awaited, what is open. */
import type { ContentHash, JobState } from '@peercompute/job-specs'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'
import { seated } from './trial.ts'

const OPEN_STATES: ReadonlySet<JobState> = new Set(['queued', 'running', 'paused'])

export function isOpen(job: JobEntry): boolean {
  return OPEN_STATES.has(job.state)
}

/** After anything about the job has changed. */
export function place(state: CoordinatorState, job: JobEntry): void {
  const running = job.state === 'running'
  const sentAll = job.cursor >= job.signed.spec.unitCount
  const hasUnits = !sentAll || job.wanting.size > 0
  state.ready.put(job, running && hasUnits ? { seats: seated(job) } : null)
  if (running && sentAll && job.wanting.size === 0 && job.running.size > 0) state.tails.add(job.id)
  else state.tails.delete(job.id)
}

/** The job has come. */
export function enrol(state: CoordinatorState, job: JobEntry): void {
  state.jobs.set(job.id, job)
  state.totals.validatedUnits += job.settled.size
  if (isOpen(job)) countOpen(state, job, 1)
  if (isOpen(job)) for (const sha256 of job.missingBlobs) awaits(state, job, sha256)
}

/** The job had ended, and goes on. */
export function opened(state: CoordinatorState, job: JobEntry): void {
  job.endedAt = null
  countOpen(state, job, 1)
}

/** The job has ended. */
export function closed(state: CoordinatorState, job: JobEntry): void {
  countOpen(state, job, -1)
  for (const sha256 of job.missingBlobs) arrived(state, job, sha256)
}

/** The job no longer waits for this blob. */
export function arrived(state: CoordinatorState, job: JobEntry, sha256: ContentHash): void {
  const waiting = state.awaited.get(sha256)
  waiting?.delete(job.id)
  if (waiting?.size === 0) state.awaited.delete(sha256)
}

function awaits(state: CoordinatorState, job: JobEntry, sha256: ContentHash): void {
  const waiting = state.awaited.get(sha256)
  if (waiting === undefined) state.awaited.set(sha256, new Set([job.id]))
  else waiting.add(job.id)
}

function countOpen(state: CoordinatorState, job: JobEntry, change: 1 | -1): void {
  const { author, spec } = job.signed
  const known = state.open.get(author) ?? { jobs: 0, units: 0 }
  known.jobs += change
  known.units += change * spec.unitCount
  if (known.jobs > 0) state.open.set(author, known)
  else state.open.delete(author)
}
