/**
 * Segment files: settled units of one job, sorted by unit, written once and never changed. Version 2, numbers little endian:
 *
 *   header   8 bytes `PCSEGM` and the version as u16 · 32 bytes: the job
 *   blocks   one after the other, each of two parts with a CRC-32 each, so that digests are read without the values:
 *              keys    for each unit: how far from the unit before it (from 0 in the first) · 32 bytes digest
 *              bodies  for each unit: epoch ms when it settled · f64 probability that it is wrong
 *                      · number of votes, for each: epoch, holder, numeric class, verdict, f64 compute ms, what else follows (sum of
 *                        1: 32 bytes digest, other than the unit's · 2: f64 metric and f64 bound, not both 0)
 *                      · bytes of the value · the value
 *            Numbers are varints (7 bits a byte, lowest first); holder and class are places in the tables of the footer.
 *   footer   JSON: those tables (a class is its label and the version of its probe), and of each block [first unit, units, bytes of the keys, their CRC, bytes of the bodies, their CRC]
 *   trailer  u32 bytes of the footer · u32 CRC-32 of the footer · 8 bytes `PCSEGEND`
 *
 * Version 1 has neither the probability nor what follows a verdict, and its classes are labels only.
 *
 * The database holds the SHA-256 of the whole file.
 */
import { executorKindSchema, accountIdSchema, hostIdSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'

export const SEGMENT_VERSION = 2
/** Written by earlier programs, and read still. */
export const SEGMENT_VERSION_OLDEST = 1
/** What follows a vote. */
export const OWN_DIGEST = 1
export const DIFFERENCE = 2
export const HEADER_BYTES = 40
export const TRAILER_BYTES = 16
export const DIGEST_BYTES = 32
export const MAGIC = 'PCSEGM'
export const END = 'PCSEGEND'
/** A block ends with the unit that reaches either. */
export const BLOCK_UNITS = 256
export const BLOCK_BYTES = 262_144
/** Larger footers are damage. 10⁵ blocks and 10⁵ holders fit. */
export const FOOTER_MAX_BYTES = 33_554_432

const size = z.int().min(0)
export const footerSchema = z.object({
  holders: z.array(z.tuple([hostIdSchema, accountIdSchema, z.string(), executorKindSchema])),
  classes: z.array(z.union([z.tuple([z.string(), z.int()]), z.string().transform((label): [string, number] => [label, 1])])),
  blocks: z.array(z.tuple([size, z.int().min(1), size, size, size, size]))
})
export type Footer = z.infer<typeof footerSchema>

export interface Block {
  readonly first: number
  readonly units: number
  /** Of the keys, in the file. The bodies follow them. */
  readonly offset: number
  readonly keysBytes: number
  readonly keysCrc: number
  readonly bodiesBytes: number
  readonly bodiesCrc: number
}

export function damaged(file: string, what: string, cause?: unknown): PeerComputeError {
  return new PeerComputeError('STORE_DAMAGED', `the segment ${file}: ${what}`, { cause })
}

/** Bytes that grow as they are written. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(65_536)
  length = 0

  varint(value: number): void {
    this.#room(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.length++] = rest
  }

  float(value: number): void {
    this.#room(8)
    this.length = this.#bytes.writeDoubleLE(value, this.length)
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length)
    this.#bytes.set(value, this.length)
    this.length += value.length
  }

  hex(text: string): void {
    this.#room(text.length / 2)
    this.length += this.#bytes.write(text, this.length, 'hex')
  }

  /** Valid until the next write. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.length + bytes))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}

/** Throws RangeError at the end of the bytes. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined || scale > 2 ** 49) throw new RangeError('Cannot read a number: the bytes end')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  float(): number {
    return this.bytes(8).readDoubleLE()
  }

  bytes(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError(`Cannot read ${length} bytes: the bytes end`)
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }
}
