/** Hands out the chunks of a blob to whoever can ask for one, and appends in order what comes back. */
import { BLOB_CHUNK_BYTES } from '@peercompute/job-specs'
import { BLOB_WINDOW_CHUNKS } from './blob-settings.ts'
import { asError } from './as-error.ts'
import type { BlobSink } from './blob-ports.ts'

export interface Chunk {
  readonly offset: number
  readonly length: number
}

export class BlobAssembly {
  readonly #sink: BlobSink
  readonly #onAppend: (length: number) => void
  readonly #returned: Chunk[] = []
  readonly #arrived = new Map<number, Uint8Array>()
  #next: number
  #appending: Promise<void> | undefined
  #failure: Error | undefined
  #waiting: (() => void)[] = []

  constructor(sink: BlobSink, onAppend: (length: number) => void) {
    this.#sink = sink
    this.#next = sink.length
    this.#onAppend = onAppend
  }

  /** Nothing is left to ask for, or the sink failed, or it was stopped. */
  get over(): boolean {
    return this.#complete || this.#failure !== undefined
  }

  get #complete(): boolean {
    return this.#sink.length === this.#sink.ref.bytes
  }

  /**
   * A chunk to ask for. Waits while too much is under way, or while others may still give one back; null when none is left to ask for.
   * Rejects with what the sink threw, or what `stop` was given.
   */
  async take(): Promise<Chunk | null> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#complete) return null
      const chunk = this.#returned.shift() ?? this.#fresh()
      if (chunk !== null) return chunk
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }

  giveBack(chunk: Chunk): void {
    this.#returned.push(chunk)
    this.#returned.sort((a, b) => a.offset - b.offset)
    this.#wake()
  }

  put({ offset }: Chunk, bytes: Uint8Array): void {
    this.#arrived.set(offset, bytes)
    // one at a time; `#append` looks again before it ends
    if (this.#appending === undefined && this.#ready() !== undefined) this.#appending = this.#append()
  }

  /** Resolves when nothing that arrived waits to be appended. Rejects like `take`. */
  async settle(): Promise<void> {
    await this.#appending
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Everybody who waits is told. */
  stop(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  #fresh(): Chunk | null {
    const { length, ref } = this.#sink
    if (this.#next >= ref.bytes || this.#next - length >= BLOB_WINDOW_CHUNKS * BLOB_CHUNK_BYTES) return null
    const offset = this.#next
    // up to the next whole chunk, wherever an earlier attempt ended
    const end = Math.min(ref.bytes, offset - (offset % BLOB_CHUNK_BYTES) + BLOB_CHUNK_BYTES)
    this.#next = end
    return { offset, length: end - offset }
  }

  /** What is to be appended next, if it is here. */
  #ready(): Uint8Array | undefined {
    return this.#failure === undefined ? this.#arrived.get(this.#sink.length) : undefined
  }

  async #append(): Promise<void> {
    try {
      for (let bytes = this.#ready(); bytes !== undefined; bytes = this.#ready()) {
        this.#arrived.delete(this.#sink.length)
        await this.#sink.append(bytes)
        this.#onAppend(this.#sink.length)
        this.#wake()
      }
    } catch (error) {
      this.stop(asError(error))
    } finally {
      this.#appending = undefined
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
