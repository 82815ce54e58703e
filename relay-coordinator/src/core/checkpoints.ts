/**
 * Saved states of units in flight that hosts have handed over: the latest of each unit. Another host may go on from one when the lease of
 * the host that saved it has ended without a result (hand-over.ts).
 */
import type { ContentHash, HostId } from '@peercompute/job-specs'
import { voicesOf } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'
import type { UnitCheckpoint } from './unit-checkpoint.ts'

type Saved = Pick<CoordinatorState, 'savedBytes'>

/** In the place of the one before. */
export function keepCheckpoint(state: Saved, job: JobEntry, unit: number, checkpoint: UnitCheckpoint): void {
  dropCheckpoint(state, job, unit)
  job.checkpoints.set(unit, checkpoint)
  count(state, checkpoint.by.host, checkpoint.bytes)
}

export function dropCheckpoint(state: Saved, job: JobEntry, unit: number): void {
  if (job.checkpoints.size === 0) return
  const known = job.checkpoints.get(unit)
  if (known === undefined) return
  job.checkpoints.delete(unit)
  count(state, known.by.host, -known.bytes)
}

/** All in which this host has a part. */
export function dropCheckpointsOf(state: Pick<CoordinatorState, 'savedBytes' | 'jobs'>, host: HostId): void {
  for (const job of state.jobs.values())
    for (const [unit, { by }] of job.checkpoints) if (voicesOf(by).some((voice) => voice.host === host)) dropCheckpoint(state, job, unit)
}

/** Whether a lease may still name this state. Looks at every checkpoint: there are few. */
export function isCheckpoint({ jobs }: Pick<CoordinatorState, 'jobs'>, sha256: ContentHash): boolean {
  for (const { checkpoints } of jobs.values()) for (const known of checkpoints.values()) if (known.sha256 === sha256) return true
  return false
}

function count({ savedBytes }: Saved, host: HostId, change: number): void {
  const bytes = (savedBytes.get(host) ?? 0) + change
  if (bytes === 0) savedBytes.delete(host)
  else savedBytes.set(host, bytes)
}
