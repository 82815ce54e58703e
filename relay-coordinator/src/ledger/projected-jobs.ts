/** What the ledger already says in the coordinator's name, so that nothing is said twice and everything is said once. */
import { sha256Hex, type AccountId, type AuthorId, type ContentHash, type JobId } from '@peercompute/job-specs'
import type { FeedName, Ledger, LedgerState } from '@peercompute/ledger'
import { RangeSet } from '../core/index.ts'

export interface ProjectedJob {
  admitted: boolean
  ended: boolean
  settled: RangeSet
  /** The settled ranges by first unit. */
  readonly ranges: Map<number, { readonly count: number; readonly digest: ContentHash }>
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

/** From what the ledger says now, checkpoint and tail. `retired` jobs have been told to their end, though it no longer lists them. */
export function readProjected(state: LedgerState, retired: ReadonlySet<JobId>): Projected {
  const projected: Projected = { jobs: new Map(), credit: new Map(state.credit) }
  for (const { id, admitted, ended, settled } of state.jobs.values()) {
    const job = projectedJob(projected, id)
    job.admitted = admitted
    job.ended = ended !== null
    for (const { start, count, digest } of settled) noteRange(job, start, count, digest)
  }
  for (const id of retired) Object.assign(projectedJob(projected, id), { admitted: true, ended: true })
  return projected
}

export function noteRange(job: ProjectedJob, start: number, count: number, digest: ContentHash): void {
  job.settled.add(start, count)
  job.ranges.set(start, { count, digest })
}

/** Ranges with a reopened unit count no more, and the job goes on. False when nothing of it had been told. */
export function noteReopened(job: ProjectedJob, reopened: readonly (readonly [start: number, count: number])[]): boolean {
  if (!job.ended && !reopened.some(([start, count]) => job.settled.meets(start, count))) return false
  job.ended = false
  const units = new RangeSet()
  for (const [start, count] of reopened) units.add(start, count)
  job.settled = new RangeSet()
  for (const [start, { count }] of job.ranges)
    if (units.meets(start, count)) job.ranges.delete(start)
    else job.settled.add(start, count)
  return true
}

const DIGEST_BYTES = 32

/** SHA-256 over the 32-byte digests, in order. */
export function rangeDigest(digests: readonly ContentHash[]): ContentHash {
  const bytes = new Uint8Array(digests.length * DIGEST_BYTES)
  let at = 0
  for (const digest of digests)
    for (let n = 0; n < DIGEST_BYTES; n++) bytes[at++] = (nibble(digest, n * 2) << 4) | nibble(digest, n * 2 + 1)
  return sha256Hex(bytes) as ContentHash
}

/** A checkpoint reads tens of millions of these; `parseInt` would take ten times as long. */
function nibble(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** The `root` of `job.end`: SHA-256 over the digests of the settled ranges that the ledger then shows, by first unit. */
export function jobRoot(job: ProjectedJob): ContentHash {
  return rangeDigest([...job.ranges].sort(([a], [b]) => a - b).map(([, { digest }]) => digest))
}

export function hasFeed(ledger: Ledger, { author, epoch }: FeedName): boolean {
  return ledger.entries({ author, epoch }).length > 0
}

export function feedsOf(ledger: Ledger, author: AuthorId): readonly FeedName[] {
  return ledger.heads().filter((head) => head.author === author)
}
