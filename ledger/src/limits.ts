/** How much a replica holds. Bounds against flooding; the protocol's own bounds are in job-specs. */
import { FEED_MAX_BYTES, FEED_RECORDS_MAX, GOSSIP_MAX_BYTES } from '@peercompute/job-specs/protocol'

export interface LedgerLimits {
  readonly feeds: number
  /** Epochs of one author, unless it is a coordinator of the followed root or writes here. */
  readonly feedsPerAuthor: number
  readonly recordsPerFeed: number
  /** Bytes of the one update that carries a whole feed. */
  readonly bytesPerFeed: number
  /** Of all feeds together, as they travel and are stored; in memory they take several times as much. */
  readonly bytes: number
}

/** Room for a frame's lengths and JSON beside an update, so that every feed fits into one ledger frame. */
const FRAME_ROOM_BYTES = 1_024
export const UPDATE_MAX_BYTES = FEED_MAX_BYTES - FRAME_ROOM_BYTES

export const DEFAULT_LIMITS: LedgerLimits = {
  feeds: 4_096,
  feedsPerAuthor: 16,
  recordsPerFeed: FEED_RECORDS_MAX,
  bytesPerFeed: UPDATE_MAX_BYTES,
  bytes: 67_108_864
}

/** Once a limit is reached, feeds go until this share is left, so that not every new record costs another search. */
export const KEEP_SHARE = 7 / 8

/** Feeds that were given up for want of room and are not asked for again unless they grow. */
export const SHED_MAX = 4_096

/** Records that were appended together share an update up to here: what gossip carries, less frame and gossipsub envelope. */
export const BATCH_MAX_BYTES = GOSSIP_MAX_BYTES - 4_096

/** Updates of one feed, and bytes of all feeds, that may wait for their signatures to be checked. */
export const PENDING_UPDATES_MAX = 64
export const PENDING_BYTES_MAX = 33_554_432
