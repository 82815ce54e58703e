/** Something read over HTTP: the last good value stays, with its time, whatever happens to the next reading. */
import { PeerComputeError, type ErrorCode } from '@peercompute/job-specs'

export interface Trouble {
  readonly code: ErrorCode
  readonly detail: string
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof PeerComputeError) return { code: error.code, detail: error.detail }
  return { code: 'INTERNAL', detail: error instanceof Error ? error.message : String(error) }
}

export class Loadable<T> {
  value = $state.raw<T | null>(null)
  loadedAtMs = $state<number | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  readonly #read: (signal: AbortSignal) => Promise<T>
  #running: Promise<void> | null = null
  #again = false

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read
  }

  /** A value that came another way, e.g. over the event stream. */
  set(value: T): void {
    this.value = value
    this.loadedAtMs = Date.now()
  }

  /** Reads once more; calls during a reading lead to one more after it, not to many at once. */
  async load(signal: AbortSignal): Promise<void> {
    if (this.#running !== null) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#loop(signal).finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #loop(signal: AbortSignal): Promise<void> {
    do {
      this.#again = false
      try {
        this.set(await this.#read(signal))
        this.trouble = null
      } catch (error) {
        if (signal.aborted) return
        this.trouble = troubleOf(error)
      }
    } while (this.#again && !signal.aborted)
  }
}
