/** What the governor decides and the kernel carries out. */
import type { ReasonCode } from '@peercompute/job-specs'
import type { Lending } from '../compute/compute-worker.ts'

export interface Governance {
  /** Why nothing may be computed, the weightiest first; empty while something may. */
  readonly suspended: readonly ReasonCode[]
  /** Why the graphics card alone rests, or null. */
  readonly gpuSuspended: ReasonCode | null
  /** How much may be used where nothing is suspended. */
  readonly lending: Lending
}
