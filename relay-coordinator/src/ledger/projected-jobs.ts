/** What the coordinator's own feeds already say, so that nothing is said twice and everything is said once. */
import { createHash } from 'node:crypto'
import type { AccountId, AuthorId, ContentHash, JobId, RootId } from '@peercompute/job-specs'
import type { FeedName, Ledger, LedgerEntry } from '@peercompute/ledger'
import { RangeSet } from '../core/index.ts'

export interface ProjectedJob {
  admitted: boolean
  ended: boolean
  readonly settled: RangeSet
  /** The settled ranges' digests by first unit. */
  readonly ranges: Map<number, ContentHash>
}

export interface Projected {
  readonly jobs: Map<JobId, ProjectedJob>
  readonly credit: Map<AccountId, number>
}

export function projectedJob(projected: Projected, id: JobId): ProjectedJob {
  const known = projected.jobs.get(id)
  if (known !== undefined) return known
  const job: ProjectedJob = { admitted: false, ended: false, settled: new RangeSet(), ranges: new Map() }
  projected.jobs.set(id, job)
  return job
}

/** Folds the feeds of every operational key that this root has certified, the retired ones included. */
export function readProjected(ledger: Ledger, root: RootId): Projected {
  const projected: Projected = { jobs: new Map(), credit: new Map() }
  for (const { author, epoch } of ledger.heads()) {
    const entries = ledger.entries({ author, epoch })
    if (isOpenedBy(entries[0], root)) for (const entry of entries) fold(projected, entry)
  }
  return projected
}

function isOpenedBy(entry: LedgerEntry | undefined, root: RootId): boolean {
  const known = entry?.known
  return (
    known !== undefined &&
    known !== null &&
    known !== 'unknown' &&
    known.type === 'coordinator.open' &&
    known.body.certificate.root === root
  )
}

function fold(projected: Projected, { known }: LedgerEntry): void {
  if (known === null || known === 'unknown') return
  if (known.type === 'job.admit') projectedJob(projected, known.body.job).admitted = true
  if (known.type === 'job.end') projectedJob(projected, known.body.job).ended = true
  if (known.type === 'credit.total') projected.credit.set(known.body.account, known.body.microCredits)
  if (known.type !== 'units.settle') return
  const { job, start, count, digest } = known.body
  noteRange(projectedJob(projected, job), start, count, digest)
}

export function noteRange(job: ProjectedJob, start: number, count: number, digest: ContentHash): void {
  job.settled.add(start, count)
  job.ranges.set(start, digest)
}

/** SHA-256 over the 32-byte digests, in order. */
export function rangeDigest(digests: readonly ContentHash[]): ContentHash {
  const hash = createHash('sha256')
  for (const digest of digests) hash.update(digest, 'hex')
  return hash.digest('hex') as ContentHash
}

/** The `root` of `job.end`: SHA-256 over the digests of the job's `units.settle` records, by first unit. */
export function jobRoot(job: ProjectedJob): ContentHash {
  return rangeDigest([...job.ranges].sort(([a], [b]) => a - b).map(([, digest]) => digest))
}

export function hasFeed(ledger: Ledger, { author, epoch }: FeedName): boolean {
  return ledger.entries({ author, epoch }).length > 0
}

export function feedsOf(ledger: Ledger, author: AuthorId): readonly FeedName[] {
  return ledger.heads().filter((head) => head.author === author)
}
