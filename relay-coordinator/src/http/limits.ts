/** How much one address may ask for, and how large a body may be. */
import { SPEC_MAX_BYTES } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'

/** Requests of one address (one IPv6 /64) in a minute. */
export interface RateLimits {
  readonly all: number
  readonly publish: number
  readonly upload: number
  readonly work: number
  /** The ledger as one file: megabytes. */
  readonly ledger: number
  /** Each may read and hash a block of units, or all of a job. */
  readonly receipts: number
  /** Scanning for addresses is an attack, too. */
  readonly notFound: number
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  all: 1_200,
  publish: 120,
  upload: 600,
  work: 6_000,
  ledger: 60,
  receipts: 240,
  notFound: 120
}
export const RATE_WINDOW_MS = 60_000

export const BODY_MAX_BYTES = 65_536
/** The specification, and room for author, signature and white space. */
export const JOB_BODY_MAX_BYTES = SPEC_MAX_BYTES * 2
/** One report at its largest beside a hello. */
export const WORK_BODY_MAX_BYTES = WORK_FRAME_MAX_BYTES + 65_536
export const LIVE_STREAMS_MAX = 1_000
