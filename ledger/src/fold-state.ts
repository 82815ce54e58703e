/** What the ledger says, once folded. */
import type { AccountId, AuthorId, ContentHash, Independence, JobId, RecordBody, SignedSpec } from '@peercompute/job-specs'

/** Units `start … start + count − 1`, settled with the digest over their digests. */
export interface SettledRange {
  readonly start: number
  readonly count: number
  readonly digest: ContentHash
  readonly independence: Independence
}

export interface LedgerJob {
  readonly id: JobId
  readonly signed: SignedSpec
  /** The author, when the job stands in a feed of the author (its own, or one of an installation that it certified); null when it is known from its admission only. */
  readonly publishedBy: AuthorId | null
  /** A coordinator of the pinned root took it. */
  readonly admitted: boolean
  /** A token stood for the author. */
  readonly custodial: boolean
  /** The author or a coordinator called it off. */
  readonly cancelled: boolean
  readonly ended: Pick<RecordBody<'job.end'>, 'state' | 'settled' | 'root'> | null
  /** By start, then count. Ranges may overlap when two coordinators settled them. */
  readonly settled: readonly SettledRange[]
  /** Of the ended job: Merkle root over the receipts of its units, and the hash of its own. Left out while none is known. */
  readonly receipt?: JobReceiptMark
}

export type JobReceiptMark = Pick<RecordBody<'job.receipt'>, 'root' | 'units' | 'receipt'>

export interface LedgerState {
  readonly jobs: ReadonlyMap<JobId, LedgerJob>
  /** Total credit so far, in millionths. */
  readonly credit: ReadonlyMap<AccountId, number>
  /** Keys whose records no longer count. */
  readonly revoked: ReadonlySet<AuthorId>
  /** Jobs that must not run anywhere, with the coordinator's reason; also of jobs that are not known, or no longer told. */
  readonly revokedJobs: ReadonlyMap<JobId, string>
  /** Operational keys that speak for the pinned root, with the serial of their latest certificate. */
  readonly coordinators: ReadonlyMap<AuthorId, number>
  /** Jobs that ended long ago and their settled units: no longer told one by one. */
  readonly retired: { readonly jobs: number; readonly units: number }
}

/** Units that at least one range covers. */
export function settledUnits(ranges: readonly SettledRange[]): number {
  let units = 0
  let end = 0
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = range.start + range.count
    if (last > end) units += last - Math.max(range.start, end)
    end = Math.max(end, last)
  }
  return units
}
