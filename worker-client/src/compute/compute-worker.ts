/** The port between ComputeManager and whatever runs a kernel: a sandboxed CPU worker, a GPU runner, a headless pool. */
import type { ContentHash, Executor, JobId, JobSpec, UnitFailure } from '@peercompute/job-specs'

/** A job whose signature, hash and blobs have been checked. */
export interface PreparedJob {
  readonly id: JobId
  readonly spec: JobSpec
  readonly blobs: ReadonlyMap<ContentHash, Uint8Array>
}

export interface UnitRange {
  readonly job: PreparedJob
  readonly start: number
  readonly count: number
}

/** `value` is the unit's outputs in declared order, little-endian, exactly `unitValueBytes(spec.outputs)` long. */
export type UnitOutcome =
  | { readonly unit: number; readonly ok: true; readonly value: Uint8Array; readonly computeMs: number }
  | { readonly unit: number; readonly ok: false; readonly reason: UnitFailure; readonly message: string; readonly computeMs: number }

/**
 * Runs units of any job that its executor can run. A failed unit is an outcome, never a throw; `run` rejects only when
 * `signal` aborts. Outcomes arrive as they are ready, each unit exactly once, unless aborted.
 *
 * `run` may be called again while a range is running, so that no slot waits for the last units of one: two ranges deep where there
 * is more than one slot, also of different jobs. Together they compute at most `executor.slots` units at a time; each has its own signal.
 */
export interface ComputeWorker {
  readonly executor: Executor
  run(range: UnitRange, onOutcome: (outcome: UnitOutcome) => void, signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}
