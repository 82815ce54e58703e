/** Cuts what comes over the local socket into messages. */
import { PeerComputeError } from '@peercompute/job-specs'

export interface UplinkMessage {
  readonly kind: number
  readonly stream: number
  readonly body: Buffer
}

const LENGTH_BYTES = 4
const HEADER_BYTES = 5

export class UplinkReader {
  readonly #maxBytes: number
  #rest: Buffer = Buffer.alloc(0)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bodies are views of the chunk. Throws INTERNAL for a length that cannot be. */
  push(chunk: Buffer): UplinkMessage[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: UplinkMessage[] = []
    let offset = 0
    while (bytes.length - offset >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(offset)
      if (length < HEADER_BYTES || length > this.#maxBytes) throw new PeerComputeError('INTERNAL', `an uplink message of ${length} bytes`)
      const start = offset + LENGTH_BYTES
      if (bytes.length < start + length) break
      messages.push({
        kind: bytes.readUInt8(start),
        stream: bytes.readUInt32BE(start + 1),
        body: bytes.subarray(start + HEADER_BYTES, start + length)
      })
      offset = start + length
    }
    this.#rest = bytes.subarray(offset)
    return messages
  }
}
