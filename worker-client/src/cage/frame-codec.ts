/**
 * Messages over a pipe: two lengths (u32, little-endian), a JSON head, then the bytes that the head points to. Both sides of
 * the cage are this. Runs inside the cage: no imports.
 */

const PREFIX_BYTES = 8
/** A head carries at most a program text of 512 KiB, each character of which may become six, or a task's parameters. */
const HEAD_MAX_BYTES = 8_388_608
const ATTACHMENT = '$bytes'

/** One frame. Every `Uint8Array` in the message travels as bytes; the rest must be JSON. */
export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer> {
  const attachments: Uint8Array[] = []
  let bytes = 0
  const head = new TextEncoder().encode(
    JSON.stringify(message, (_, value: unknown) => {
      if (!(value instanceof Uint8Array)) return value
      attachments.push(value)
      bytes += value.byteLength
      return { [ATTACHMENT]: [bytes - value.byteLength, value.byteLength] }
    })
  )
  const frame = new Uint8Array(PREFIX_BYTES + head.byteLength + bytes)
  const view = new DataView(frame.buffer)
  view.setUint32(0, head.byteLength, true)
  view.setUint32(4, bytes, true)
  frame.set(head, PREFIX_BYTES)
  let at = PREFIX_BYTES + head.byteLength
  for (const attachment of attachments) {
    frame.set(attachment, at)
    at += attachment.byteLength
  }
  return frame
}

function decode(head: Uint8Array, body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(head), (_, value: unknown) => {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, ATTACHMENT)) return value
    const place: unknown = Reflect.get(value, ATTACHMENT)
    const [from, length] = Array.isArray(place) ? (place as unknown[]) : []
    if (!Number.isInteger(from) || !Number.isInteger(length)) return value
    // a copy, so that each value owns its buffer
    return body.slice(Number(from), Number(from) + Number(length))
  })
}

/** Puts frames together from the pieces that a pipe delivers. */
export class FrameReader {
  readonly #mostBytes: number
  #pieces: Uint8Array[] = []
  #held = 0

  /** `mostBytes`: of the attachments of one frame. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** The messages that are complete now. Throws RangeError for a frame that is too long, before anything is made for it, and SyntaxError for a head that is no JSON. */
  push(piece: Uint8Array): unknown[] {
    this.#pieces.push(piece)
    this.#held += piece.byteLength
    const messages: unknown[] = []
    for (let message = this.#take(); message !== undefined; message = this.#take()) messages.push(message.value)
    return messages
  }

  #take(): { readonly value: unknown } | undefined {
    if (this.#held < PREFIX_BYTES) return undefined
    const first = this.#atLeast(PREFIX_BYTES)
    const view = new DataView(first.buffer, first.byteOffset)
    const head = view.getUint32(0, true)
    const body = view.getUint32(4, true)
    if (head > HEAD_MAX_BYTES || body > this.#mostBytes) throw new RangeError(`A frame of ${head} + ${body} bytes is too long`)
    const end = PREFIX_BYTES + head + body
    if (this.#held < end) return undefined
    const frame = this.#atLeast(end)
    this.#pieces[0] = frame.subarray(end)
    this.#held -= end
    return { value: decode(frame.subarray(PREFIX_BYTES, PREFIX_BYTES + head), frame.subarray(PREFIX_BYTES + head, end)) }
  }

  /** The first piece, joined with those after it until it has so many bytes. */
  #atLeast(bytes: number): Uint8Array {
    const [first] = this.#pieces
    if (first !== undefined && first.byteLength >= bytes) return first
    const joined = new Uint8Array(this.#held)
    let at = 0
    for (const piece of this.#pieces) {
      joined.set(piece, at)
      at += piece.byteLength
    }
    this.#pieces = [joined]
    return joined
  }
}
