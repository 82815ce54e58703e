/**
 * Units that were taken back although segments, which never change, hold them: in segments up to `up_to` they are void. Settled again,
 * they are rows first and then in a later segment.
 */
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { paged } from './paged.ts'

const rowSchema = z.object({ job: z.int(), unit: z.int(), up_to: z.int() })
const PAGE_UNITS = 1_024

export interface ReopenedUnit {
  readonly unit: number
}

export class ReopenedUnits {
  readonly #put
  readonly #any
  readonly #page

  constructor(database: DatabaseSync) {
    this.#put = database.prepare('INSERT OR REPLACE INTO reopened (job, unit, up_to) VALUES (?, ?, ?)')
    this.#any = database.prepare('SELECT 1 FROM reopened WHERE job = ? LIMIT 1')
    this.#page = database.prepare('SELECT unit FROM reopened WHERE job = ? AND unit >= ? AND up_to >= ? ORDER BY unit LIMIT ?')
  }

  /** Inside a transaction. `upTo`: the job's highest segment number. */
  put(job: number, unit: number, upTo: number): void {
    this.#put.run(job, unit, upTo)
  }

  /** `units` of this segment, in rising order, without those that are void in it. */
  valid<T extends { readonly unit: number }>(job: number, segment: number, from: number, units: Iterable<T>): Iterable<T> {
    return this.#any.get(job) === undefined ? units : without(units, this.#voidIn(job, segment, from))
  }

  #voidIn(job: number, segment: number, from: number): Iterator<ReopenedUnit> {
    return paged((next) => this.#page.all(job, next, segment, PAGE_UNITS).map(({ unit }) => ({ unit: Number(unit) })), from, PAGE_UNITS)
  }
}

/** Of each job, the units and up to which segment they are void. */
export function reopenedRows(database: DatabaseSync): ReadonlyMap<number, ReadonlyMap<number, number>> {
  const jobs = new Map<number, Map<number, number>>()
  // A backup may be of a database that this program has not opened yet.
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'reopened'").get() === undefined) return jobs
  for (const row of database.prepare('SELECT job, unit, up_to FROM reopened').all()) {
    const { job, unit, up_to: upTo } = rowSchema.parse(row)
    const units = jobs.get(job) ?? new Map<number, number>()
    jobs.set(job, units.set(unit, upTo))
  }
  return jobs
}

function* without<T extends { readonly unit: number }>(units: Iterable<T>, excluded: Iterator<ReopenedUnit>): Generator<T> {
  let next = excluded.next()
  for (const unit of units) {
    while (next.done !== true && next.value.unit < unit.unit) next = excluded.next()
    if (next.done === true || next.value.unit !== unit.unit) yield unit
  }
}
