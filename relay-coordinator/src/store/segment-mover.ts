/**
 * Moves settled rows of the database into segment files, in the background and in slices of about a millisecond. At no moment is a
 * unit in neither place: the file is on the disk before the database names it, and the rows go only afterwards.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { PeerComputeError, type JobId } from '@peercompute/job-specs'
import { z } from 'zod'
import { errorCode } from '../config/error-code.ts'
import type { SettledRows } from './row-group.ts'
import type { SettledRowReader } from './settled-rows.ts'
import type { SegmentShelf } from './segment-shelf.ts'
import { SegmentWriter, segmentName } from './segment-writer.ts'
import { relaxedTransaction } from './transaction.ts'

/** A running job's rows are moved when there are so many, */
export const SEGMENT_UNITS = 4_096
/** in larger files when it has many already, so that 10⁹ units take some ten thousand files; */
export const SEGMENT_UNITS_MAX = 65_536
/** or when their values take so much. A segment ends there, too. */
export const SEGMENT_BYTES = 67_108_864
/** An ended job's rows are moved when there are so many: fewer are no trouble where they are. */
export const LAST_SEGMENT_UNITS = 256

const SLICE_UNITS = 64
/** Milliseconds between slices: a slice takes one or two, and nobody should wait for them. */
const REST_MS = 5
/** With so many rows waiting to be moved there is no rest. */
const HURRY_UNITS = 65_536
const SLICE_BYTES = 1_048_576
const rangesSchema = z.array(z.tuple([z.int(), z.int()]))

export interface SegmentMoverInit {
  readonly database: DatabaseSync
  readonly shelf: SegmentShelf
  readonly rows: SettledRowReader
  readonly jobId: (job: number) => JobId | null
  /** Hears of what went wrong; the rows stay where they are. */
  readonly onFault: (error: unknown) => void
}

interface Held {
  units: number
  bytes: number
  ended: boolean
}

export class SegmentMover {
  readonly #init: SegmentMoverInit
  readonly #held = new Map<number, Held>()
  /** The job whose rows are being copied, and whether one of them was taken back meanwhile: then the copy is of no use. */
  #moving: { readonly job: number; spoiled: boolean } | null = null
  #working: Promise<void> | null = null
  #closed = false
  /** After a failure: only when asked again. */
  #paused = false

  constructor(init: SegmentMoverInit) {
    this.#init = init
    const { database } = init
    for (const { job, units, ended } of database
      .prepare('SELECT job, COUNT(*) AS units, ended_at IS NOT NULL AS ended FROM settled JOIN jobs ON jobs.no = job GROUP BY job')
      .all())
      this.#held.set(Number(job), { units: Number(units), bytes: 0, ended: ended === 1 })
    this.#start()
  }

  /** What a transaction has done. */
  changed({ job, units, bytes, ended, reopened }: SettledRows): void {
    const held = this.#held.get(job) ?? { units: 0, bytes: 0, ended: false }
    this.#held.set(job, { units: held.units + units, bytes: Math.max(0, held.bytes + bytes), ended: ended ?? held.ended })
    if (reopened && this.#moving?.job === job) this.#moving.spoiled = true
    if (this.#isDue(job)) this.#start()
  }

  /** Tries again what failed: there may be room now. */
  resume(): void {
    this.#paused = false
    this.#start()
  }

  /** Resolves when nothing is left to move. */
  async idle(): Promise<void> {
    while (this.#working !== null) await this.#working
  }

  /** What is under way is given up; its file is removed now or at the next start. */
  close(): void {
    this.#closed = true
  }

  #isDue(job: number): boolean {
    const held = this.#held.get(job)
    if (held === undefined) return false
    return held.ended ? held.units >= LAST_SEGMENT_UNITS : held.units >= this.#target(job) || held.bytes >= SEGMENT_BYTES
  }

  #target(job: number): number {
    return Math.min(SEGMENT_UNITS_MAX, Math.max(SEGMENT_UNITS, Math.floor(this.#init.shelf.units(job) / 16)))
  }

  #start(): void {
    if (this.#working !== null || this.#paused || this.#closed) return
    this.#working = this.#work().finally(() => {
      this.#working = null
    })
  }

  async #work(): Promise<void> {
    try {
      await this.#rest()
      await this.#clearAll()
      for (let job = this.#due(); job !== undefined && !this.#closed; job = this.#due()) await this.#move(job)
    } catch (error) {
      if (this.#closed) return
      this.#paused = true
      this.#init.onFault(fromDisk(error))
    }
  }

  #due(): number | undefined {
    return [...this.#held.keys()].find((job) => this.#isDue(job))
  }

  async #move(job: number): Promise<void> {
    const { shelf, database, jobId } = this.#init
    const id = jobId(job)
    if (id === null) {
      this.#held.delete(job)
      return
    }
    const no = shelf.nextNo(job)
    const moving = { job, spoiled: false }
    this.#moving = moving
    const writer = new SegmentWriter(join(shelf.folder, `${job}-${no}.tmp`), id)
    try {
      if (!(await this.#fill(writer, moving))) return
      const written = await writer.finish((sha256) => join(shelf.folder, segmentName(job, no, sha256)))
      if (this.#closed) return
      if (moving.spoiled) {
        rmSync(join(shelf.folder, segmentName(job, no, written.sha256)), { force: true })
        return
      }
      shelf.add(relaxedTransaction(database, () => shelf.insert(job, no, written)))
      const held = this.#held.get(job)
      if (held !== undefined) {
        held.units -= written.units
        held.bytes = Math.max(0, held.bytes - written.bytes)
      }
    } finally {
      this.#moving = null
      writer.abandon()
    }
    await this.#clearAll()
  }

  /** Lets everything else that waits have its turn. */
  #rest(): Promise<void> {
    let waiting = 0
    for (const { units } of this.#held.values()) waiting += units
    return new Promise((resolve) => {
      if (waiting > HURRY_UNITS) setImmediate(resolve)
      else setTimeout(resolve, REST_MS)
    })
  }

  /** False when the store was closed meanwhile, or what has been copied is void. */
  async #fill(writer: SegmentWriter, moving: { readonly job: number; readonly spoiled: boolean }): Promise<boolean> {
    const { job } = moving
    const target = this.#target(job)
    let from = 0
    let slice = 16
    for (let units = 0; units < target && writer.bytes < SEGMENT_BYTES;) {
      const rows = this.#init.rows.page(job, from, Math.min(slice, target - units))
      let bytes = 0
      for (const row of rows) {
        writer.add(row)
        bytes += row.value.length
        from = row.unit + 1
      }
      units += rows.length
      if (rows.length === 0) break
      slice = Math.max(1, Math.min(SLICE_UNITS, Math.floor((SLICE_BYTES * rows.length) / (bytes + 1))))
      await this.#rest()
      if (this.#closed || moving.spoiled) return false
    }
    return true
  }

  /** Deletes the rows of which segments hold copies, also those of a start before; what was reopened since and is settled again stays. */
  async #clearAll(): Promise<void> {
    const { database } = this.#init
    const uncleared = database.prepare('SELECT job, no, ranges FROM segments WHERE cleared = 0')
    const remove = database.prepare(
      'DELETE FROM settled WHERE job = ?1 AND unit >= ?2 AND unit < ?3 AND NOT EXISTS (SELECT 1 FROM reopened WHERE reopened.job = settled.job AND reopened.unit = settled.unit AND up_to >= ?4)'
    )
    const done = database.prepare('UPDATE segments SET cleared = 1 WHERE job = ? AND no = ?')
    for (const row of uncleared.all()) {
      const [job, no] = [Number(row['job']), Number(row['no'])]
      const slices = [...sliced(rangesSchema.parse(JSON.parse(String(row['ranges']))))]
      for (const [index, slice] of slices.entries()) {
        await this.#rest()
        if (this.#closed) return
        relaxedTransaction(database, () => {
          for (const [start, count] of slice) remove.run(job, start, start + count, no)
          if (index === slices.length - 1) done.run(job, no)
        })
      }
    }
  }
}

/** Ranges in groups of at most SLICE_UNITS units. */
function* sliced(ranges: readonly (readonly [number, number])[]): Generator<(readonly [number, number])[]> {
  let slice: (readonly [number, number])[] = []
  let units = 0
  for (const [start, count] of ranges)
    for (let at = 0; at < count;) {
      const part = Math.min(count - at, SLICE_UNITS - units)
      slice.push([start + at, part])
      at += part
      units += part
      if (units < SLICE_UNITS) continue
      yield slice
      slice = []
      units = 0
    }
  if (slice.length > 0) yield slice
}

function fromDisk(error: unknown): unknown {
  const code = errorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new PeerComputeError('STORE_FULL', 'there is no room for a segment', { cause: error })
    : error
}
