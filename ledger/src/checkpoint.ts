/** The newest sum of history that a replica trusts. */
import type { ContentHash, LedgerSnapshot } from '@peercompute/job-specs'
import type { FeedName } from './feed-name.ts'

/** A `ledger.checkpoint` record of a coordinator of the followed root: where it stands, and what it names. */
export interface CheckpointMark {
  /** Its first record is `coordinator.open`, its second the checkpoint. */
  readonly feed: FeedName
  readonly sha256: ContentHash
  readonly bytes: number
}

export interface HeldCheckpoint extends CheckpointMark {
  readonly snapshot: LedgerSnapshot
  /** As it travels. */
  readonly encoded: Uint8Array
}
