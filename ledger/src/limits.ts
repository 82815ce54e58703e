/** How much a replica holds. Bounds against flooding; the protocol's own bounds are in job-specs. */
import { FEED_MAX_BYTES, FEED_RECORDS_MAX, GOSSIP_MAX_BYTES } from '@peercompute/job-specs/protocol'

export interface LedgerLimits {
  readonly feeds: number
  readonly recordsPerFeed: number
  /** Bytes of the one update that carries a whole feed. */
  readonly bytesPerFeed: number
}

/** Room for a frame's lengths and JSON beside an update, so that every feed fits into one ledger frame. */
const FRAME_ROOM_BYTES = 1_024
export const UPDATE_MAX_BYTES = FEED_MAX_BYTES - FRAME_ROOM_BYTES

export const DEFAULT_LIMITS: LedgerLimits = { feeds: 4_096, recordsPerFeed: FEED_RECORDS_MAX, bytesPerFeed: UPDATE_MAX_BYTES }

/** Records that were appended together share an update up to here: what gossip carries, less frame and gossipsub envelope. */
export const BATCH_MAX_BYTES = GOSSIP_MAX_BYTES - 4_096

/** Updates of one feed, and bytes of all feeds, that may wait for their signatures to be checked. */
export const PENDING_UPDATES_MAX = 64
export const PENDING_BYTES_MAX = 33_554_432
