import { describe, expect, it } from 'vitest'
import type { ContentHash, JobId } from '@peercompute/job-specs'
import type { SettledUnit } from '../core/index.ts'
import { blockStarts, countTrust } from './count-trust.ts'

const JOB = '0'.repeat(64) as JobId
const DIGEST = '0'.repeat(64) as ContentHash

/** Units with no votes: each counts. */
function source(ranges: readonly (readonly [number, number])[]) {
  const units = ranges.flatMap(([start, count]) => Array.from({ length: count }, (_, index) => start + index))
  const read: number[] = []
  return {
    read,
    settledRanges: () => ranges,
    settledUnits: (_job: JobId, from: number, limit: number): readonly SettledUnit[] =>
      units
        .filter((unit) => unit >= from)
        .slice(0, limit)
        .map((unit) => {
          read.push(unit)
          return { unit, digest: DIGEST, value: new Uint8Array(), votes: [], errorProbability: 0.25, settledAt: 0 }
        })
  }
}

describe('countTrust()', () => {
  it('counts every unit of a small job once, whatever the gaps', async () => {
    const parts = source([
      [3, 100],
      [500, 1],
      [900, 70]
    ])
    const { counted, errorProbability } = await countTrust(parts, JOB)
    expect(counted).toBe(171)
    expect(new Set(parts.read).size).toBe(171)
    expect(errorProbability).toEqual({ mean: 0.25, worst: 0.25 })
  })

  it('reads no more than 2 048 units of a large job, from its beginning to its end', async () => {
    const parts = source([
      [0, 60_000],
      [100_000, 40_000]
    ])
    expect((await countTrust(parts, JOB)).counted).toBe(2_048)
    expect(new Set(parts.read).size).toBe(2_048)
    expect(Math.max(...parts.read)).toBeGreaterThan(135_000)
  })

  it('has nothing to read where nothing is settled', () => {
    expect(blockStarts([])).toEqual([])
  })
})
