/** Which units the store holds settled, as ranges: those of the segments that are not void there, and those that are rows still. */
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { RangeSet } from '../core/index.ts'
import { reopenedRows } from './reopened-units.ts'

export interface StoredRange {
  readonly job: number
  readonly start: number
  readonly count: number
}

const rangesSchema = z.array(z.tuple([z.int(), z.int()]))
const segmentSchema = z.object({
  job: z.int(),
  no: z.int(),
  ranges: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(rangesSchema)
})
const rowSchema = z.object({ job: z.int(), start: z.int(), count: z.int() })

/** Consecutive units of a table as ranges (gaps and islands), so that loading grows with the ranges. */
export function islands(table: 'settled' | 'errored'): string {
  return `SELECT job, MIN(unit) AS start, COUNT(*) AS count FROM (SELECT job, unit, unit - ROW_NUMBER() OVER (PARTITION BY job ORDER BY unit) AS island FROM ${table}) GROUP BY job, island`
}

/** By job and first unit; no two of a job meet. Throws ZodError for rows that no version can have written. */
export function settledRanges(database: DatabaseSync): StoredRange[] {
  const jobs = new Map<number, RangeSet>()
  const of = (job: number): RangeSet => {
    const known = jobs.get(job) ?? new RangeSet()
    jobs.set(job, known)
    return known
  }
  const reopened = reopenedRows(database)
  for (const row of database.prepare('SELECT job, no, ranges FROM segments ORDER BY job, no').all()) {
    const { job, no, ranges } = segmentSchema.parse(row)
    for (const [start, count] of holding(ranges, no, reopened.get(job))) of(job).add(start, count)
  }
  for (const row of database.prepare(islands('settled')).all()) {
    const { job, start, count } = rowSchema.parse(row)
    of(job).add(start, count)
  }
  return [...jobs].flatMap(([job, units]) => [...units.ranges()].map(([start, count]) => ({ job, start, count })))
}

function holding(
  ranges: readonly (readonly [number, number])[],
  segment: number,
  reopened: ReadonlyMap<number, number> | undefined
): Iterable<readonly [number, number]> {
  if (reopened === undefined) return ranges
  const units = new RangeSet()
  for (const [start, count] of ranges) units.add(start, count)
  for (const [unit, upTo] of reopened) if (upTo >= segment) units.delete(unit)
  return units.ranges()
}
