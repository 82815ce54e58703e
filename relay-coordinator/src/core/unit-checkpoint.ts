/** What is known of a saved state of a unit in flight. */
import type { ContentHash } from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'

export interface UnitCheckpoint {
  /** Of the lease under which it was saved. */
  readonly epoch: number
  readonly sha256: ContentHash
  readonly bytes: number
  /** Who computed so far. */
  readonly by: Holder
  readonly numericClass: string
  readonly probeVersion: number
  /** Coordinator's clock, epoch ms. */
  readonly at: number
}
