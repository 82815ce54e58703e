/** Reads one segment file: the footer once, then only the blocks that are asked for, each checked. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { ContentHash } from '@peercompute/job-specs'
import { errorMessage } from '../config/error-code.ts'
import type { Holder, SettledUnit, Vote } from '../core/index.ts'
import {
  ByteReader,
  damaged,
  DIFFERENCE,
  DIGEST_BYTES,
  END,
  FOOTER_MAX_BYTES,
  footerSchema,
  HEADER_BYTES,
  MAGIC,
  OWN_DIGEST,
  SEGMENT_VERSION,
  SEGMENT_VERSION_OLDEST,
  TRAILER_BYTES,
  type Block
} from './segment-format.ts'
import { VERDICTS } from './votes.ts'

export interface UnitDigest {
  readonly unit: number
  readonly digest: ContentHash
}

export class SegmentReader {
  readonly job: string
  readonly #path: string
  readonly #holders: readonly Holder[]
  readonly #classes: readonly (readonly [label: string, probeVersion: number])[]
  readonly #version: number
  readonly #blocks: readonly Block[]

  /** Throws STORE_DAMAGED, as do all the others. */
  constructor(path: string) {
    this.#path = path
    const { header, footer } = this.#reading((file) => ({ header: this.#header(file), footer: this.#footer(file) }))
    this.job = header.job
    this.#version = header.version
    this.#holders = footer.holders.map(([host, account, subnet, executor]) => ({ host, account, subnet, executor }))
    this.#classes = footer.classes
    let offset = HEADER_BYTES
    this.#blocks = footer.blocks.map(([first, units, keysBytes, keysCrc, bodiesBytes, bodiesCrc]) => {
      const block = { first, units, offset, keysBytes, keysCrc, bodiesBytes, bodiesCrc }
      offset += keysBytes + bodiesBytes
      return block
    })
  }

  get first(): number {
    return this.#blocks[0]?.first ?? 0
  }

  /** Units ≥ `from`, in order; one block in memory at a time. */
  *units(from: number): Generator<SettledUnit> {
    for (const block of this.#blocksFrom(from))
      for (const unit of this.#reading((file) => this.#settled(file, block))) if (unit.unit >= from) yield unit
  }

  /** Digests of units ≥ `from`, in order, without reading any value. */
  *digests(from: number): Generator<UnitDigest> {
    for (const block of this.#blocksFrom(from))
      for (const key of this.#reading((file) => this.#keys(file, block))) if (key.unit >= from) yield key
  }

  #blocksFrom(from: number): readonly Block[] {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#blocks[middle]?.first ?? Infinity) <= from) low = middle + 1
      else high = middle
    }
    return this.#blocks.slice(Math.max(0, low - 1))
  }

  #settled(file: number, block: Block): SettledUnit[] {
    const keys = this.#keys(file, block)
    const bodies = new ByteReader(this.#part(file, block.offset + block.keysBytes, block.bodiesBytes, block.bodiesCrc, block))
    return keys.map(({ unit, digest }) => {
      const settledAt = bodies.varint()
      const errorProbability = this.#version === 1 ? 0 : bodies.float()
      const votes = Array.from({ length: bodies.varint() }, () => this.#vote(bodies, digest))
      return { unit, digest, settledAt, votes, errorProbability, value: new Uint8Array(bodies.bytes(bodies.varint())) }
    })
  }

  #vote(bodies: ByteReader, digest: ContentHash): Vote {
    const epoch = bodies.varint()
    const holder = this.#holders[bodies.varint()]
    const classed = this.#classes[bodies.varint()]
    const verdict = VERDICTS[bodies.varint()]
    if (holder === undefined || classed === undefined || verdict === undefined) throw new RangeError('Cannot read a vote')
    const [numericClass, probeVersion] = classed
    const known = { epoch, holder, numericClass, probeVersion, verdict }
    if (this.#version === 1) return { ...known, digest, computeMs: 0, metric: 0, bound: 0 }
    const computeMs = bodies.float()
    const more = bodies.varint()
    const own = (more & OWN_DIGEST) === 0 ? digest : (bodies.bytes(DIGEST_BYTES).toString('hex') as ContentHash)
    const differs = (more & DIFFERENCE) !== 0
    return { ...known, digest: own, computeMs, metric: differs ? bodies.float() : 0, bound: differs ? bodies.float() : 0 }
  }

  #keys(file: number, block: Block): UnitDigest[] {
    const keys = new ByteReader(this.#part(file, block.offset, block.keysBytes, block.keysCrc, block))
    let unit = 0
    return Array.from({ length: block.units }, () => {
      unit += keys.varint()
      return { unit, digest: keys.bytes(DIGEST_BYTES).toString('hex') as ContentHash }
    })
  }

  #part(file: number, offset: number, length: number, crc: number, { first }: Block): Buffer {
    const bytes = readExactly(file, offset, length)
    if (crc32(bytes) !== crc) throw damaged(this.#path, `the block of unit ${first} does not have the checksum that it was written with`)
    return bytes
  }

  #header(file: number): { readonly job: string; readonly version: number } {
    const header = readExactly(file, 0, HEADER_BYTES)
    if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damaged(this.#path, 'it does not begin like one')
    const version = header.readUInt16LE(MAGIC.length)
    if (version < SEGMENT_VERSION_OLDEST || version > SEGMENT_VERSION)
      throw damaged(this.#path, `it has version ${version}, which this program does not know`)
    return { job: header.toString('hex', HEADER_BYTES - 32), version }
  }

  #footer(file: number): ReturnType<typeof footerSchema.parse> {
    const { size } = fstatSync(file)
    const trailer = readExactly(file, Math.max(0, size - TRAILER_BYTES), TRAILER_BYTES)
    const length = trailer.readUInt32LE(0)
    if (trailer.toString('latin1', 8) !== END || length > FOOTER_MAX_BYTES || length > size) throw damaged(this.#path, 'its end is missing')
    const footer = readExactly(file, size - TRAILER_BYTES - length, length)
    if (crc32(footer) !== trailer.readUInt32LE(4))
      throw damaged(this.#path, 'its index does not have the checksum that it was written with')
    return footerSchema.parse(JSON.parse(footer.toString()))
  }

  #reading<T>(work: (file: number) => T): T {
    let file: number | null = null
    try {
      file = openSync(this.#path, 'r')
      return work(file)
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'PeerComputeError') throw cause
      throw damaged(this.#path, errorMessage(cause), cause)
    } finally {
      if (file !== null) closeSync(file)
    }
  }
}

function readExactly(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length;) {
    const read = readSync(file, bytes, at, length - at, offset + at)
    if (read === 0) throw new RangeError(`Cannot read ${length} bytes at ${offset}: the file ends`)
    at += read
  }
  return bytes
}
