/** Counts over the settled units of a job: over all of them, or over blocks that lie evenly in a large one. */
import { setImmediate as otherWork } from 'node:timers/promises'
import type { JobId } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import { TrustTally, type TrustCount } from '../core/index.ts'

/** Units between two turns of everybody else: about 2 ms. */
const BLOCK_UNITS = 64
/** Blocks that are read at most: 2 048 units tell a share to within 2 %, in less than a tenth of a second. */
const BLOCKS_MAX = 32

export type CountedSource = Pick<Coordinator, 'settledUnits' | 'settledRanges'>

export async function countTrust(source: CountedSource, job: JobId): Promise<TrustCount> {
  const tally = new TrustTally()
  let next = 0
  for (const from of blockStarts(source.settledRanges(job))) {
    for (const unit of source.settledUnits(job, Math.max(from, next), BLOCK_UNITS)) {
      tally.add(unit)
      next = unit.unit + 1
    }
    await otherWork()
  }
  return tally.counted()
}

/** First units of the blocks, rising. */
export function blockStarts(ranges: readonly (readonly [number, number])[]): number[] {
  const settled = ranges.reduce((sum, [, count]) => sum + count, 0)
  const blocks = Math.min(BLOCKS_MAX, Math.ceil(settled / BLOCK_UNITS))
  const step = Math.max(BLOCK_UNITS, Math.floor(settled / Math.max(1, blocks)))
  const starts: number[] = []
  let before = 0
  for (const [start, count] of ranges) {
    // Ranks of settled units, not their numbers: a gap is no reason to look twice at what comes after it.
    for (let rank = starts.length * step; rank < before + count && starts.length < blocks; rank = starts.length * step)
      starts.push(start + rank - before)
    before += count
  }
  return starts
}
