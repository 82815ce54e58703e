/** The room's jobs as its pages show them: what the ledger says, and how much of it this member has checked. */
import { emptyReduced, reduceUnit, type JobId, type JobSpec, type Reduced } from '@peercompute/job-specs'
import { settledUnits, type LedgerJob, type LedgerState } from '@peercompute/ledger'
import type { RoomValueStore } from './room-values.ts'

export interface RoomJob {
  readonly id: JobId
  readonly spec: JobSpec
  /** `waiting`: published, and no leader has taken it yet. */
  readonly state: 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled'
  /** Units that the ledger says are settled. */
  readonly settled: number
  /** Units of which this member holds the value, and found it to be what the ledger says. */
  readonly verified: number
  /** Over the verified units. */
  readonly reduced: Reduced
}

/** Jobs that did not change since the last call are the same objects. In the order in which the ledger met them. */
export function createRoomJobs(values: RoomValueStore): (state: LedgerState) => RoomJob[] {
  const views = new Map<JobId, { readonly job: LedgerJob; readonly view: RoomJob }>()

  return ({ jobs }) =>
    [...jobs.values()].map((job) => {
      const verified = values.verified(job)
      const before = views.get(job.id)
      if (before?.job === job && before.view.verified === verified.size) return before.view
      const view = viewOf(job, verified)
      views.set(job.id, { job, view })
      return view
    })
}

function viewOf(job: LedgerJob, verified: ReturnType<RoomValueStore['verified']>): RoomJob {
  const { spec } = job.signed
  const units = [...verified].sort(([a], [b]) => a - b)
  return {
    id: job.id,
    spec,
    state: job.ended?.state ?? (job.cancelled ? 'cancelled' : job.admitted ? 'running' : 'waiting'),
    settled: settledUnits(job.settled),
    verified: units.length,
    reduced: units.reduce<Reduced>(
      (reduced, [unit, { value }]) => reduceUnit(spec.reduce, spec.outputs, reduced, unit, value),
      emptyReduced(spec.reduce)
    )
  }
}
