/** Writes one segment file: block after block into a temporary file, which gets its name when all of it is on the disk. */
import { createHash } from 'node:crypto'
import { closeSync, fsync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import type { ContentHash, JobId } from '@peercompute/job-specs'
import { syncFolder } from '../config/atomic-file.ts'
import { RangeSet, type Holder, type SettledUnit, type Vote } from '../core/index.ts'
import {
  BLOCK_BYTES,
  BLOCK_UNITS,
  ByteWriter,
  DIFFERENCE,
  END,
  HEADER_BYTES,
  MAGIC,
  OWN_DIGEST,
  SEGMENT_VERSION,
  TRAILER_BYTES,
  type Footer
} from './segment-format.ts'
import { VERDICTS } from './votes.ts'

export interface WrittenSegment {
  readonly first: number
  readonly last: number
  readonly units: number
  readonly bytes: number
  readonly sha256: string
  readonly ranges: readonly (readonly [number, number])[]
}

const sync = promisify(fsync)

export class SegmentWriter {
  readonly temporary: string
  readonly #file: number
  readonly #hash = createHash('sha256')
  readonly #keys = new ByteWriter()
  readonly #bodies = new ByteWriter()
  readonly #holders = new Table<Holder>(({ host, account, subnet, executor }) => `${host}${account}${executor}${subnet}`)
  readonly #classes = new Table<[label: string, probeVersion: number]>(([label, probeVersion]) => `${probeVersion} ${label}`)
  readonly #blocks: Footer['blocks'] = []
  readonly #ranges = new RangeSet()
  #bytes = 0
  #blockFirst = 0
  #blockUnits = 0
  #last = -1
  #closed = false

  /** Makes the temporary file. `path`: the file's name without what `finish` adds. */
  constructor(temporary: string, job: JobId) {
    this.temporary = temporary
    this.#file = openSync(temporary, 'wx', 0o600)
    const header = Buffer.alloc(HEADER_BYTES)
    header.write(MAGIC, 0, 'latin1')
    header.writeUInt16LE(SEGMENT_VERSION, MAGIC.length)
    header.write(job, HEADER_BYTES - 32, 'hex')
    this.#write(header)
  }

  /** Bytes on the disk so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Units come in rising order. */
  add(unit: SettledUnit): void {
    if (unit.unit <= this.#last) throw new RangeError(`Cannot add unit ${unit.unit} after ${this.#last}`)
    if (this.#blockUnits === 0) this.#blockFirst = unit.unit
    this.#keys.varint(unit.unit - (this.#blockUnits === 0 ? 0 : this.#last))
    this.#keys.hex(unit.digest)
    const bodies = this.#bodies
    bodies.varint(unit.settledAt)
    bodies.float(unit.errorProbability)
    bodies.varint(unit.votes.length)
    for (const vote of unit.votes) this.#vote(vote, unit.digest)
    bodies.varint(unit.value.length)
    bodies.bytes(unit.value)
    this.#last = unit.unit
    this.#blockUnits++
    this.#ranges.add(unit.unit)
    if (this.#blockUnits >= BLOCK_UNITS || bodies.length >= BLOCK_BYTES) this.#endBlock()
  }

  #vote(vote: Vote, digest: ContentHash): void {
    const { epoch, holder, numericClass, probeVersion, verdict, computeMs, metric, bound } = vote
    const bodies = this.#bodies
    bodies.varint(epoch)
    bodies.varint(this.#holders.place(holder))
    bodies.varint(this.#classes.place([numericClass, probeVersion]))
    bodies.varint(VERDICTS.indexOf(verdict))
    bodies.float(computeMs)
    const differs = metric !== 0 || bound !== 0
    bodies.varint((vote.digest === digest ? 0 : OWN_DIGEST) + (differs ? DIFFERENCE : 0))
    if (vote.digest !== digest) bodies.hex(vote.digest)
    if (!differs) return
    bodies.float(metric)
    bodies.float(bound)
  }

  /** Resolves when the file is on the disk under the name that `nameOf` gives for its hash. */
  async finish(nameOf: (sha256: string) => string): Promise<WrittenSegment> {
    this.#endBlock()
    const footer = Buffer.from(
      JSON.stringify({
        holders: this.#holders.items.map(({ host, account, subnet, executor }) => [host, account, subnet, executor]),
        classes: this.#classes.items,
        blocks: this.#blocks
      })
    )
    const trailer = Buffer.alloc(TRAILER_BYTES)
    trailer.writeUInt32LE(footer.length, 0)
    trailer.writeUInt32LE(crc32(footer), 4)
    trailer.write(END, 8, 'latin1')
    this.#write(footer)
    this.#write(trailer)
    const sha256 = this.#hash.digest('hex')
    await sync(this.#file)
    this.#close()
    const path = nameOf(sha256)
    renameSync(this.temporary, path)
    await syncFolder(dirname(path))
    const ranges = [...this.#ranges.ranges()]
    const [first] = ranges[0] ?? [0]
    return { first, last: this.#last, units: this.#ranges.size, bytes: this.#bytes, sha256, ranges }
  }

  /** Leaves nothing behind. */
  abandon(): void {
    this.#close()
    rmSync(this.temporary, { force: true })
  }

  /** Once: the number of a closed file may be that of a socket or of the database by now. */
  #close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#file)
  }

  #endBlock(): void {
    if (this.#blockUnits === 0) return
    const [keys, bodies] = [this.#keys.written(), this.#bodies.written()]
    this.#blocks.push([this.#blockFirst, this.#blockUnits, keys.length, crc32(keys), bodies.length, crc32(bodies)])
    this.#write(keys)
    this.#write(bodies)
    this.#keys.clear()
    this.#bodies.clear()
    this.#blockUnits = 0
  }

  #write(bytes: Buffer): void {
    this.#hash.update(bytes)
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at)
    this.#bytes += bytes.length
  }
}

export function segmentName(job: number, no: number, sha256: string): string {
  return `${job}-${no}-${sha256.slice(0, 16)}.seg`
}

export function isSegmentName(path: string): boolean {
  return /^\d+-\d+-[0-9a-f]{16}\.seg$/.test(basename(path))
}

/** What repeats, once each. */
class Table<T> {
  readonly items: T[] = []
  readonly #places = new Map<string, number>()
  readonly #key: (item: T) => string

  constructor(key: (item: T) => string) {
    this.#key = key
  }

  place(item: T): number {
    const key = this.#key(item)
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = this.items.push(item) - 1
    this.#places.set(key, place)
    return place
  }
}
