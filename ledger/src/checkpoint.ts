/** The newest sum of history that a replica trusts. */
import type { ContentHash, LedgerSnapshot } from '@peercompute/job-specs'
import { outranks, type Rank } from './rank.ts'
import type { FeedName } from './feed-name.ts'

/** A `ledger.checkpoint` record of a coordinator of the followed root: where it stands, and what it names. */
export interface CheckpointMark {
  /** Its first record is `coordinator.open`, its second the checkpoint. */
  readonly feed: FeedName
  /** Serial of the coordinator's certificate: the highest has the last word, then the highest epoch. */
  readonly serial: number
  readonly sha256: ContentHash
  readonly bytes: number
}

export interface HeldCheckpoint extends CheckpointMark {
  readonly snapshot: LedgerSnapshot
  /** As it travels. */
  readonly encoded: Uint8Array
}

/** Sequence number of a checkpoint's record. */
export const CHECKPOINT_SEQ = 1

/** Place of a checkpoint among all that coordinators say: what it sums up has this rank. */
export function rankOf({ feed, serial }: CheckpointMark): Rank {
  return { serial, author: feed.author, epoch: feed.epoch, seq: CHECKPOINT_SEQ }
}

export function supersedes(mark: CheckpointMark, other: CheckpointMark | null): boolean {
  return other === null || outranks(rankOf(mark), rankOf(other))
}
