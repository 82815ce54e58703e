/** Counts what the host lost of its graphics card, and says when to leave it alone. */
import type { ReasonCode } from '@peercompute/job-specs'

/** A second loss so soon means that the driver is in trouble: browsers then refuse the whole page. */
const LOSSES_MAX = 2
const WITHIN_MS = 600_000

export class DeviceLosses {
  readonly #now: () => number
  readonly #gone = new AbortController()
  #losses: number[] = []

  /** `now`: milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get unavailable(): ReasonCode | null {
    return this.#gone.signal.aborted ? 'gpu_lost' : null
  }

  note(): void {
    const now = this.#now()
    this.#losses = [...this.#losses.filter((at) => now - at < WITHIN_MS), now]
    if (this.#losses.length >= LOSSES_MAX) this.giveUp()
  }

  /** It answers no more, or hangs where nothing can end it. */
  giveUp(): void {
    this.#gone.abort()
  }

  /** Aborts when the card is given up. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }
}
