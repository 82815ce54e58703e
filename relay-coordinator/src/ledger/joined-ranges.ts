/**
 * Settled ranges as a snapshot tells them: joined into aligned blocks, whose digests anybody who has the results can compute again.
 * A range is left as the ledger has it where the units' digests are not held here, after a lost database.
 */
import { SNAPSHOT_RANGE_UNITS, type Independence, type JobId } from '@peercompute/job-specs'
import type { SettledRange } from '@peercompute/ledger'
import type { Coordinator } from '../coordinator.ts'
import { RangeSet } from '../core/index.ts'
import { rangeDigest } from './projected-jobs.ts'

export interface RangesToJoin {
  readonly job: JobId
  readonly settled: readonly SettledRange[]
  readonly independence: Independence
}

/** Reads at most one block of digests at a time, and lets other work run in between. */
export async function joinedRanges(
  coordinator: Pick<Coordinator, 'holdsValues' | 'settledDigests'>,
  { job, settled, independence }: RangesToJoin
): Promise<SettledRange[]> {
  const joined: SettledRange[] = []
  const loose = new RangeSet()
  for (const range of settled) {
    if (isBlock(range) || !coordinator.holdsValues(job, range)) joined.push(range)
    else loose.add(range.start, range.count)
  }
  for (const { start, count } of inBlocks(loose)) {
    const digests = coordinator.settledDigests(job, { start, count })
    // Units were reopened meanwhile: the ledger is told of it next.
    if (digests === null) return [...settled]
    joined.push({ start, count, digest: rangeDigest(digests), independence })
    await new Promise((resolve) => {
      setTimeout(resolve)
    })
  }
  return joined.sort((a, b) => a.start - b.start || a.count - b.count)
}

function isBlock({ start, count }: SettledRange): boolean {
  return count === SNAPSHOT_RANGE_UNITS && start % SNAPSHOT_RANGE_UNITS === 0
}

function* inBlocks(ranges: RangeSet): Generator<{ start: number; count: number }> {
  for (const [from, length] of ranges.ranges())
    for (let start = from; start < from + length;) {
      const end = Math.min(from + length, (Math.floor(start / SNAPSHOT_RANGE_UNITS) + 1) * SNAPSHOT_RANGE_UNITS)
      yield { start, count: end - start }
      start = end
    }
}
