/** Who runs the verifiers of jobs. The coordinator asks before it decides on a report. */
import type { JobId, JobSpec, Verdict } from '@peercompute/job-specs'

export interface ValueOfUnit {
  readonly unit: number
  readonly value: Uint8Array
}

export interface Judge {
  /**
   * One verdict for each value, in order. A verifier that fails gives `pass: null`; this never does.
   * Rejects with RATE_LIMITED when too much waits already, with BLOB_NOT_FOUND when a blob of the job is not here, and when it is closed.
   */
  verify(job: JobId, spec: JobSpec, values: readonly ValueOfUnit[]): Promise<readonly Verdict[]>
  /** Ends its threads. Idempotent. */
  close(): Promise<void>
}
