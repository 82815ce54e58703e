/** What the thread of a judge is told and answers. */
import type { JobId, JobSpec, Verdict } from '@peercompute/job-specs'
import type { Seed } from '@peercompute/job-specs/verifiers'
import type { ValueOfUnit } from './judge.ts'

export type ToJudgeThread =
  /** `source`: of the job's own verifier, null when it is a built-in one. */
  | {
      readonly type: 'job'
      readonly job: JobId
      readonly spec: JobSpec
      readonly source: string | null
      readonly inputs: ReadonlyMap<string, Uint8Array>
    }
  | { readonly type: 'forget'; readonly job: JobId }
  | { readonly type: 'verify'; readonly job: JobId; readonly seed: Seed; readonly values: readonly ValueOfUnit[] }

/** One for each value, in order. Before the first one, anything at all: the thread is ready. */
export type FromJudgeThread = Verdict
