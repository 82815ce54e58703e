/**
 * Frames: how every message travels, over a libp2p stream and as the body of `POST /api/v1/work`.
 *
 *   u32 big-endian  T   bytes that follow, at most the protocol's limit
 *   u32 big-endian  J   bytes of JSON
 *   J bytes             the message, UTF-8 JSON (checked by a zod schema before use)
 *   T − 4 − J bytes     attachment: raw values that the message refers to, in its order
 *
 * A reader refuses T before it allocates.
 */
import { fromUtf8, utf8, type Bytes } from '../bytes.ts'
import { PeerComputeError } from '../errors.ts'

export interface Frame {
  readonly message: unknown
  readonly attachment: Uint8Array
}

export const FRAME_MEDIA_TYPE = 'application/vnd.peercompute.frames'
/** Limit of a work frame: one report with its values. */
export const WORK_FRAME_MAX_BYTES = 4_194_304
export const LEDGER_FRAME_MAX_BYTES = 2_097_152
const LENGTH_BYTES = 4
const NO_ATTACHMENT = new Uint8Array(0)

export function encodeFrame(message: object, attachment: Uint8Array = NO_ATTACHMENT): Bytes {
  const json = utf8(JSON.stringify(message))
  const out = new Uint8Array(LENGTH_BYTES * 2 + json.length + attachment.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, LENGTH_BYTES + json.length + attachment.length)
  view.setUint32(LENGTH_BYTES, json.length)
  out.set(json, LENGTH_BYTES * 2)
  out.set(attachment, LENGTH_BYTES * 2 + json.length)
  return out
}

/**
 * Incremental reader. Feed it chunks as they arrive; it returns the frames that became complete.
 * Throws FRAME_TOO_LARGE as soon as a length says so, FRAME_INVALID for a body that is no frame;
 * after a throw the stream must be closed. Holds at most twice what has arrived of one frame of `maxBytes`,
 * however small the chunks.
 */
export class FrameReader {
  readonly #maxBytes: number
  #buffer: Uint8Array = new Uint8Array(0)
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True when bytes of an unfinished frame are waiting: at the end of a stream that means truncation. */
  get incomplete(): boolean {
    return this.#length > 0
  }

  /** Bytes of the unfinished frame. */
  get buffered(): number {
    return this.#length
  }

  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk)
    const frames: Frame[] = []
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset)
    let offset = 0
    while (this.#length - offset >= LENGTH_BYTES) {
      const total = view.getUint32(offset)
      if (total > this.#maxBytes) throw new PeerComputeError('FRAME_TOO_LARGE', `a frame of ${total} bytes, allowed are ${this.#maxBytes}`)
      if (total < LENGTH_BYTES) throw new PeerComputeError('FRAME_INVALID', `a frame of ${total} bytes cannot hold its JSON length`)
      const end = offset + LENGTH_BYTES + total
      if (this.#length < end) break
      frames.push(decodeBody(this.#buffer.subarray(offset + LENGTH_BYTES, end)))
      offset = end
    }
    // the frames keep the old buffer; what follows them starts a new one
    if (offset > 0) {
      this.#buffer = this.#buffer.slice(offset, this.#length)
      this.#length = this.#buffer.length
    }
    return frames
  }

  #append(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.#buffer = chunk
      this.#length = chunk.length
      return
    }
    const length = this.#length + chunk.length
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    }
    this.#buffer.set(chunk, this.#length)
    this.#length = length
  }
}

function decodeBody(body: Uint8Array): Frame {
  const jsonBytes = new DataView(body.buffer, body.byteOffset).getUint32(0)
  if (jsonBytes > body.length - LENGTH_BYTES)
    throw new PeerComputeError('FRAME_INVALID', `the JSON is said to take ${jsonBytes} of ${body.length - LENGTH_BYTES} bytes`)
  try {
    const message: unknown = JSON.parse(fromUtf8(body.subarray(LENGTH_BYTES, LENGTH_BYTES + jsonBytes)))
    return { message, attachment: body.subarray(LENGTH_BYTES + jsonBytes) }
  } catch (cause) {
    throw new PeerComputeError('FRAME_INVALID', 'the message is not UTF-8 JSON', { cause })
  }
}

/** All frames of a complete body, e.g. an HTTP request. Throws FRAME_INVALID when the last one is cut off. */
export function decodeFrames(bytes: Uint8Array, maxBytes: number): Frame[] {
  const reader = new FrameReader(maxBytes)
  const frames = reader.push(bytes)
  if (reader.incomplete) throw new PeerComputeError('FRAME_INVALID', 'the last frame is cut off')
  return frames
}
