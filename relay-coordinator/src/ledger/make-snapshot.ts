/** What a coordinator's checkpoint says: the ledger's present state, its ranges joined, its oldest jobs only counted. */
import { encodeSnapshot, SNAPSHOT_MAX_BYTES, type JobId, type LedgerSnapshot, type RootId } from '@peercompute/job-specs'
import { settledUnits, snapshotOf, type LedgerJob, type LedgerState } from '@peercompute/ledger'
import type { Coordinator } from '../coordinator.ts'
import { jobsNewestFirst } from './all-jobs.ts'
import { joinedRanges } from './joined-ranges.ts'

/** Ended jobs that a snapshot tells one by one: the newest. */
export const ENDED_JOBS_TOLD = 200

export interface SnapshotSource {
  readonly coordinator: Coordinator
  readonly root: RootId
  /** Of the same moment. */
  readonly state: LedgerState
  readonly covers: LedgerSnapshot['covers']
}

export interface MadeSnapshot {
  readonly snapshot: LedgerSnapshot
  /** Jobs that the ledger has told so far, and no longer does. */
  readonly retired: readonly JobId[]
}

/** Null when even without any ended job it would be larger than a snapshot may be. */
export async function makeSnapshot({ coordinator, root, state, covers }: SnapshotSource): Promise<MadeSnapshot | null> {
  const known = knownJobs(coordinator, state)
  const ended = [...known.values()].filter((job) => job.ended !== null)
  const before = coordinator.retired()
  const told = ended.filter(({ id }) => !before.has(id)).slice(0, ENDED_JOBS_TOLD)
  const live = await joined(
    coordinator,
    [...known.values()].filter((job) => job.ended === null)
  )
  const toldJoined = await joined(coordinator, told)
  for (let kept = toldJoined.length; ; kept = Math.floor(kept / 2)) {
    const stays = [...live, ...toldJoined.slice(0, kept)]
    const ids = new Set(stays.map(({ id }) => id))
    const gone = ended.filter(({ id }) => !ids.has(id))
    const retired = {
      jobs: state.retired.jobs + gone.length,
      units: state.retired.units + gone.reduce((sum, { settled }) => sum + settledUnits(settled), 0)
    }
    const snapshot = snapshotOf({ ...state, jobs: new Map(stays.map((job) => [job.id, job])), retired }, covers, root)
    if ((await encodeSnapshot(snapshot)).length <= SNAPSHOT_MAX_BYTES) return { snapshot, retired: gone.map(({ id }) => id) }
    if (kept === 0) return null
  }
}

/** Jobs that were taken, newest first, others' last. What was refused is left out: it stays refused. */
function knownJobs(coordinator: Coordinator, { jobs }: LedgerState): ReadonlyMap<JobId, LedgerJob> {
  const known = new Map<JobId, LedgerJob>()
  for (const { id } of jobsNewestFirst(coordinator)) {
    const job = jobs.get(id)
    if (job !== undefined) known.set(id, job)
  }
  for (const job of jobs.values()) if (job.admitted && !known.has(job.id)) known.set(job.id, job)
  return known
}

async function joined(coordinator: Coordinator, jobs: readonly LedgerJob[]): Promise<LedgerJob[]> {
  const out: LedgerJob[] = []
  for (const job of jobs) {
    const { independence } = job.signed.spec.verification
    out.push({ ...job, settled: await joinedRanges(coordinator, { job: job.id, settled: job.settled, independence }) })
  }
  return out
}
