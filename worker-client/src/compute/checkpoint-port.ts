import type { ContentHash, ExecutorKind, JobId, Lease } from '@peercompute/job-specs'
import type { PreparedJob } from './compute-worker.ts'
import type { HeldLease } from './held-lease.ts'

/** Where the states of unfinished units are kept, so that a pause, a crash or another host costs little of them. */
export interface CheckpointPort {
  /** The newest state of the unit that a program of this kind can go on from, or null. `foreign`: the checkpoint that the lease carries. */
  load(
    job: Pick<PreparedJob, 'id' | 'spec'>,
    unit: number,
    kind: ExecutorKind,
    foreign?: ContentHash
  ): Promise<Uint8Array<ArrayBuffer> | null>
  /** Keeps the state in place of the one before, and with it the lease under which it was saved. */
  save(job: Pick<PreparedJob, 'id' | 'spec'>, unit: number, kind: ExecutorKind, state: Uint8Array<ArrayBuffer>, held: HeldLease): void
  /** The state is of no more use: the unit's outcome is safe, or nobody wants it any more. */
  drop(job: JobId, unit: number): void
  /** The lease is over, or all that came of it is safe. States of its units are kept: they may come back to this host. */
  letGo(lease: Lease): void
}
