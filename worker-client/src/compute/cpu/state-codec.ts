/**
 * Saved states of JavaScript kernels as bytes: plain data only, so that any host can take them over. Runs inside the sandbox.
 *
 * `PCS1`, FNV-1a of the rest (u32), then one value: a tag byte and what belongs to it; little-endian, lengths as u32, text as UTF-8.
 */
import { CHECKPOINT_MAX_BYTES } from '@peercompute/job-specs/checkpoint'

const STATE_DEPTH_MAX = 64
const MAGIC = 0x31534350
const HEAD_BYTES = 8

const TAG = { undefined: 0, null: 1, false: 2, true: 3, number: 4, text: 5, bigint: 6, array: 7, object: 8, buffer: 9, typed: 10 } as const
const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
] as const

function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let index = HEAD_BYTES; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193)
  return hash >>> 0
}

class StateWriter {
  #bytes = new Uint8Array(256)
  #at = HEAD_BYTES

  room(count: number): DataView {
    const end = this.#at + count
    if (end > CHECKPOINT_MAX_BYTES) throw new RangeError(`The state is larger than ${CHECKPOINT_MAX_BYTES} bytes`)
    if (end > this.#bytes.length) {
      const more = new Uint8Array(Math.min(CHECKPOINT_MAX_BYTES, Math.max(end, 2 * this.#bytes.length)))
      more.set(this.#bytes)
      this.#bytes = more
    }
    const view = new DataView(this.#bytes.buffer, this.#at, count)
    this.#at = end
    return view
  }

  tag(tag: number): void {
    this.room(1).setUint8(0, tag)
  }

  counted(bytes: Uint8Array): void {
    this.room(4).setUint32(0, bytes.byteLength, true)
    const room = this.room(bytes.byteLength)
    new Uint8Array(room.buffer, room.byteOffset, room.byteLength).set(bytes)
  }

  text(text: string): void {
    this.counted(new TextEncoder().encode(text))
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.#at)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, MAGIC, true)
    view.setUint32(4, checksum(bytes), true)
    return bytes
  }
}

function writeObject(writer: StateWriter, value: object, depth: number): void {
  if (Array.isArray(value)) {
    writer.tag(TAG.array)
    writer.room(4).setUint32(0, value.length, true)
    for (let index = 0; index < value.length; index++) writeValue(writer, value[index], depth + 1)
    return
  }
  if (value instanceof ArrayBuffer) {
    writer.tag(TAG.buffer)
    writer.counted(new Uint8Array(value))
    return
  }
  const type = TYPED_ARRAYS.findIndex((made) => value instanceof made)
  if (type >= 0 && ArrayBuffer.isView(value)) {
    writer.tag(TAG.typed)
    writer.tag(type)
    writer.counted(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(
      'A state may hold numbers, texts, true, false, null, bigints, lists, plain objects, typed arrays and ArrayBuffers only'
    )
  const entries = Object.entries(value)
  writer.tag(TAG.object)
  writer.room(4).setUint32(0, entries.length, true)
  for (const [key, entry] of entries) {
    writer.text(key)
    writeValue(writer, entry, depth + 1)
  }
}

function writeValue(writer: StateWriter, value: unknown, depth: number): void {
  if (depth > STATE_DEPTH_MAX) throw new RangeError(`The state is nested deeper than ${STATE_DEPTH_MAX} levels, or holds itself`)
  if (value === undefined || value === null) writer.tag(value === null ? TAG.null : TAG.undefined)
  else if (typeof value === 'boolean') writer.tag(value ? TAG.true : TAG.false)
  else if (typeof value === 'number') {
    writer.tag(TAG.number)
    writer.room(8).setFloat64(0, value, true)
  } else if (typeof value === 'string' || typeof value === 'bigint') {
    writer.tag(typeof value === 'string' ? TAG.text : TAG.bigint)
    writer.text(String(value))
  } else if (typeof value === 'object') writeObject(writer, value, depth)
  else throw new TypeError(`A state cannot hold a ${typeof value}`)
}

/** Throws TypeError for what is no plain data, RangeError for what is too large or too deep. */
export function encodeState(state: unknown): Uint8Array<ArrayBuffer> {
  const writer = new StateWriter()
  writeValue(writer, state, 0)
  return writer.finish()
}

class StateReader {
  readonly #bytes: Uint8Array<ArrayBuffer>
  #at = HEAD_BYTES

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(count: number): DataView<ArrayBuffer> {
    if (count > this.left) throw new RangeError('The state is cut off')
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, count)
    this.#at += count
    return view
  }

  tag(): number {
    return this.take(1).getUint8(0)
  }

  /** A number of things that take at least `each` bytes. */
  count(each: number): number {
    const count = this.take(4).getUint32(0, true)
    if (count * each > this.left) throw new RangeError('The state is cut off')
    return count
  }

  counted(): Uint8Array<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.take(this.count(1))
    return new Uint8Array(buffer, byteOffset, byteLength).slice()
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.counted())
  }
}

function readObject(reader: StateReader, depth: number): object {
  const object = {}
  for (let left = reader.count(5); left > 0; left--) {
    // Not by assignment: a key may be `__proto__`.
    Object.defineProperty(object, reader.text(), {
      value: readValue(reader, depth + 1),
      writable: true,
      enumerable: true,
      configurable: true
    })
  }
  return object
}

function readTyped(reader: StateReader): object {
  const made = TYPED_ARRAYS[reader.tag()]
  if (made === undefined) throw new TypeError('The state holds an unknown kind of array')
  return new made(reader.counted().buffer)
}

function readValue(reader: StateReader, depth: number): unknown {
  if (depth > STATE_DEPTH_MAX) throw new RangeError('The state is nested too deep')
  switch (reader.tag()) {
    case TAG.undefined:
      return undefined
    case TAG.null:
      return null
    case TAG.false:
      return false
    case TAG.true:
      return true
    case TAG.number:
      return reader.take(8).getFloat64(0, true)
    case TAG.text:
      return reader.text()
    case TAG.bigint:
      return BigInt(reader.text())
    case TAG.array:
      return Array.from({ length: reader.count(1) }, () => readValue(reader, depth + 1))
    case TAG.object:
      return readObject(reader, depth)
    case TAG.buffer:
      return reader.counted().buffer
    case TAG.typed:
      return readTyped(reader)
    default:
      throw new TypeError('The state holds an unknown kind of value')
  }
}

/** Null for bytes that are damaged or no state: the unit then begins anew. */
export function decodeState(bytes: Uint8Array<ArrayBuffer>): { readonly state: unknown } | null {
  if (bytes.length <= HEAD_BYTES || bytes.length > CHECKPOINT_MAX_BYTES) return null
  const head = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES)
  if (head.getUint32(0, true) !== MAGIC || head.getUint32(4, true) !== checksum(bytes)) return null
  try {
    const reader = new StateReader(bytes)
    const state = readValue(reader, 0)
    return reader.left === 0 ? { state } : null
  } catch {
    return null
  }
}
