/** Which segments there are, and reading through them. The files lie in a folder beside the database. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { errorCode } from '../config/error-code.ts'
import type { SettledUnit } from '../core/index.ts'
import type { Source } from './merge.ts'
import { ReopenedUnits } from './reopened-units.ts'
import { damaged } from './segment-format.ts'
import { SegmentReader, type UnitDigest } from './segment-reader.ts'
import { isSegmentName, segmentName, type WrittenSegment } from './segment-writer.ts'

const rowSchema = z.object({
  job: z.int(),
  no: z.int(),
  first: z.int(),
  last: z.int(),
  units: z.int(),
  bytes: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/)
})
export type SegmentRow = z.infer<typeof rowSchema>

/** Indexes that are kept in memory, some tens of kilobytes each. */
const OPEN_MAX = 64

export class SegmentShelf {
  readonly folder: string
  readonly #database: DatabaseSync
  /** What is void in them. */
  readonly reopened: ReopenedUnits
  readonly #jobs = new Map<number, SegmentRow[]>()
  readonly #readers = new Map<string, SegmentReader>()

  /** Throws STORE_DAMAGED when a file is missing or has another size. Removes what a killed process left half-way. */
  constructor(database: DatabaseSync, folder: string) {
    this.#database = database
    this.folder = folder
    this.reopened = new ReopenedUnits(database)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const row of segmentRows(database)) {
      this.#mustBeThere(row)
      this.#list(row.job).push(row)
    }
    this.#removeLeftovers()
  }

  path({ job, no, sha256 }: Pick<SegmentRow, 'job' | 'no' | 'sha256'>): string {
    return join(this.folder, segmentName(job, no, sha256))
  }

  nextNo(job: number): number {
    return this.lastNo(job) + 1
  }

  /** Of the job's newest segment; 0 when it has none. */
  lastNo(job: number): number {
    return this.#jobs.get(job)?.at(-1)?.no ?? 0
  }

  /** Units of a job that are in segments. */
  units(job: number): number {
    return (this.#jobs.get(job) ?? []).reduce((sum, { units }) => sum + units, 0)
  }

  /** Inside a transaction; `add` it when that has been committed. */
  insert(job: number, no: number, written: WrittenSegment): SegmentRow {
    const { ranges, ...row } = written
    this.#database
      .prepare('INSERT INTO segments (job, no, first, last, units, bytes, sha256, ranges) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(job, no, row.first, row.last, row.units, row.bytes, row.sha256, JSON.stringify(ranges))
    return { job, no, ...row }
  }

  add(row: SegmentRow): void {
    this.#list(row.job).push(row)
  }

  unitSources(job: number, from: number): Source<SettledUnit>[] {
    return this.#sources(job, from, (reader) => reader.units(from))
  }

  digestSources(job: number, from: number): Source<UnitDigest>[] {
    return this.#sources(job, from, (reader) => reader.digests(from))
  }

  #sources<T extends { readonly unit: number }>(job: number, from: number, read: (reader: SegmentReader) => Iterable<T>): Source<T>[] {
    return this.#reaching(job, from).map((row) => ({
      first: Math.max(row.first, from),
      open: () => this.reopened.valid(job, row.no, from, read(this.#reader(row)))[Symbol.iterator]()
    }))
  }

  #reaching(job: number, from: number): SegmentRow[] {
    return (this.#jobs.get(job) ?? []).filter(({ last }) => last >= from)
  }

  #list(job: number): SegmentRow[] {
    const known = this.#jobs.get(job)
    if (known !== undefined) return known
    const list: SegmentRow[] = []
    this.#jobs.set(job, list)
    return list
  }

  #reader(row: SegmentRow): SegmentReader {
    const path = this.path(row)
    const reader = this.#readers.get(path) ?? new SegmentReader(path)
    this.#readers.delete(path)
    this.#readers.set(path, reader)
    const [oldest] = this.#readers.keys()
    if (this.#readers.size > OPEN_MAX && oldest !== undefined) this.#readers.delete(oldest)
    return reader
  }

  #mustBeThere(row: SegmentRow): void {
    const path = this.path(row)
    let bytes: number
    try {
      bytes = statSync(path).size
    } catch (cause) {
      throw damaged(path, errorCode(cause) === 'ENOENT' ? 'it is missing' : 'it cannot be read', cause)
    }
    if (bytes !== row.bytes) throw damaged(path, `it has ${bytes} bytes, and was written with ${row.bytes}`)
  }

  /**
   * A file without a row is the work of a process that was killed before it told the database: its units still have their rows.
   * Any other is left alone: it may be all that remains of a database that was lost.
   */
  #removeLeftovers(): void {
    const known = new Set([...this.#jobs.values()].flat().map((row) => this.path(row)))
    const settled = this.#database.prepare('SELECT 1 FROM settled JOIN jobs ON jobs.no = settled.job WHERE jobs.id = ? AND unit = ?')
    for (const name of readdirSync(this.folder)) {
      const path = join(this.folder, name)
      if (name.endsWith('.tmp')) rmSync(path, { force: true })
      else if (isSegmentName(name) && !known.has(path) && isLeftover(path, (job, unit) => settled.get(job, unit) !== undefined))
        rmSync(path, { force: true })
    }
  }
}

/** In the order in which they were written. */
export function segmentRows(database: DatabaseSync): SegmentRow[] {
  return database
    .prepare('SELECT job, no, first, last, units, bytes, sha256 FROM segments ORDER BY job, no')
    .all()
    .map((row) => rowSchema.parse(row))
}

function isLeftover(path: string, hasRow: (job: string, unit: number) => boolean): boolean {
  try {
    const reader = new SegmentReader(path)
    return hasRow(reader.job, reader.first)
  } catch {
    return false
  }
}
