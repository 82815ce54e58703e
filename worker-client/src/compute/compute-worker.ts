/** The port between ComputeManager and whatever runs a kernel: a sandboxed CPU worker, a GPU runner, a headless pool. */
import type { ContentHash, Executor, JobId, JobSpec, ReasonCode, UnitFailure } from '@peercompute/job-specs'

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
  /** State that unit `start` was in when it was saved, by a program of the same kind. Without it, or when it cannot be used, the unit begins anew. */
  readonly resume?: Uint8Array<ArrayBuffer>
}

/** `value` is the unit's outputs in declared order, little-endian, exactly `unitValueBytes(spec.outputs)` long. */
export type UnitOutcome =
  | { readonly unit: number; readonly ok: true; readonly value: Uint8Array; readonly computeMs: number }
  | { readonly unit: number; readonly ok: false; readonly reason: UnitFailure; readonly message: string; readonly computeMs: number }

/** What is heard of a range while it runs. */
export interface RunEvents {
  readonly outcome: (outcome: UnitOutcome) => void
  /** A program took up the unit; more than once when the unit is tried again. */
  readonly began?: (unit: number) => void
  /** Finished part of a unit, 0 to 1, at most ten times a second. */
  readonly progress?: (unit: number, fraction: number) => void
  /** A unit that takes long saved its state, at most once in two seconds. At most CHECKPOINT_MAX_BYTES. */
  readonly saved?: (unit: number, state: Uint8Array<ArrayBuffer>) => void
}

/** How much of the machine an executor may use from now on, also for what is running. */
export interface Lending {
  /** Part of the time that the graphics card computes, 0 to 1. At 0 it rests between two slices until more is lent. */
  readonly gpuShare: number
  /** Longest single dispatch to aim at, in milliseconds: 4 to 20. */
  readonly sliceMs: number
  /** CPU programs at the same time, at least 1. More than were started are never used. */
  readonly cpuSlots: number
}

export const FULL_LENDING: Lending = { gpuShare: 1, sliceMs: 10, cpuSlots: 1_024 }

/**
 * Runs units of any job that its executor can run. A failed unit is an outcome, never a throw; `run` rejects only when
 * `signal` aborts. Outcomes arrive as they are ready, each unit exactly once, unless aborted.
 *
 * `run` may be called again while a range is running, also with another job, so that no slot waits for the last units of one or for
 * a program to load. Together they compute at most `executor.slots` units at a time; each has its own signal.
 */
export interface ComputeWorker {
  readonly executor: Executor
  run(range: UnitRange, events: RunEvents, signal: AbortSignal): Promise<void>
  lend(lending: Lending): void
  /** Why it can run nothing for the rest of its life, e.g. `gpu_lost`; null while it can. Looked at after each run. */
  readonly unavailable: ReasonCode | null
  stop(): Promise<void>
}
