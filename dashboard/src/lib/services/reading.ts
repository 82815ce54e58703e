/**
 * Something that is read over HTTP and changed by events. What is shown converges: a change that came while a question was under way
 * is laid over its answer, which may be older; and a reading that failed is tried again.
 */
import { ERRORS, PeerComputeError } from '@peercompute/job-specs'
import { backoffMs, restFor } from './backoff.ts'

export const RETRY = { firstMs: 1_000, capMs: 30_000 } as const

export interface ReadingInit<T> {
  readonly read: (signal: AbortSignal) => Promise<T>
  readonly onValue: (value: T) => void
  /** Null when a reading succeeded. */
  readonly onTrouble: (error: unknown) => void
  /** 0 ≤ x < 1, for the pauses. */
  readonly random: () => number
}

/** False when asking again will bring the same answer: there is no such thing, or it is not allowed. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof PeerComputeError)) return true
  const { status } = ERRORS[error.code]
  return status >= 500 || status === 429
}

export class Reading<T> {
  readonly #init: ReadingInit<T>
  #value: T | null = null
  #running: Promise<void> | null = null
  #again = false
  #signal: AbortSignal = AbortSignal.abort()
  #resting: AbortController | null = null
  /** Since the question under way was asked. */
  #changes: ((value: T) => T)[] | null = null

  constructor(init: ReadingInit<T>) {
    this.#init = init
  }

  /** News that came another way. An answer that was asked for earlier does not undo it; one that is asked for later does. */
  change(apply: (value: T) => T): void {
    this.#changes?.push(apply)
    if (this.#value !== null) this.#show(apply(this.#value))
  }

  /**
   * Reads once more; calls during a reading lead to one more after it, not to many at once. Resolves when a reading that began
   * after the call has succeeded, or failed for good, or was called off.
   */
  async load(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    if (this.#running !== null) {
      this.#again = true
      this.#resting?.abort()
      return this.#running
    }
    this.#running = this.#loop().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #loop(): Promise<void> {
    let failures = 0
    do {
      this.#again = false
      const signal = this.#signal
      const changes: ((value: T) => T)[] = []
      this.#changes = changes
      try {
        const answer = await this.#init.read(signal)
        this.#show(changes.reduce<T>((value, apply) => apply(value), answer))
        this.#init.onTrouble(null)
        failures = 0
      } catch (error) {
        if (signal.aborted) continue
        this.#init.onTrouble(error)
        if (isPassing(error)) await this.#rest(failures++, signal)
      } finally {
        this.#changes = null
      }
    } while (this.#wanted())
  }

  #wanted(): boolean {
    return this.#again && !this.#signal.aborted
  }

  /** Until it is time to try again, or somebody asks. */
  async #rest(failures: number, signal: AbortSignal): Promise<void> {
    this.#again = true
    const resting = new AbortController()
    this.#resting = resting
    await restFor(backoffMs(failures, RETRY, this.#init.random), AbortSignal.any([signal, resting.signal]))
    this.#resting = null
  }

  #show(value: T): void {
    this.#value = value
    this.#init.onValue(value)
  }
}
