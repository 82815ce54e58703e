/** When to sum up: seldom enough that replicas do not fetch snapshots all the time, often enough that a newcomer's tail stays short. */
import type { AuthorId } from '@peercompute/job-specs'
import type { Ledger } from '@peercompute/ledger'

/** Own records beyond the last checkpoint that make one due, and half of what a newcomer reads at most. About 1 MiB and half a second. */
export const CHECKPOINT_RECORDS = 2_000
/** After this time fewer will do. */
export const CHECKPOINT_MS = 600_000
export const CHECKPOINT_RECORDS_AFTER_MS = 100
/** However many there are: a snapshot travels to every replica. */
export const CHECKPOINT_MIN_MS = 60_000

export interface DueQuestion {
  readonly ledger: Pick<Ledger, 'heads' | 'covered' | 'checkpoint'>
  readonly author: AuthorId
  /** Since the last one, or since the start. */
  readonly elapsedMs: number
  /** How many of them the next checkpoint would only say again. */
  readonly repeated: () => number
}

export function isDue({ ledger, author, elapsedMs, repeated }: DueQuestion): boolean {
  const tail = ownTail(ledger, author)
  if (tail < CHECKPOINT_RECORDS_AFTER_MS) return false
  const records = tail - repeated()
  if (records >= CHECKPOINT_RECORDS) return ledger.checkpoint() === null || elapsedMs === 0 || elapsedMs >= CHECKPOINT_MIN_MS
  return elapsedMs >= CHECKPOINT_MS && records >= CHECKPOINT_RECORDS_AFTER_MS
}

/** Own records that no checkpoint sums up. */
function ownTail(ledger: Pick<Ledger, 'heads' | 'covered'>, author: AuthorId): number {
  return ledger
    .heads()
    .filter((head) => head.author === author && !ledger.covered(head, head.length))
    .reduce((sum, { length }) => sum + length, 0)
}
