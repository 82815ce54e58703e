/** When the next dispatch may begin so that the device computes a given share of the time. Runs inside the sandbox. */

/** Lateness of timers that the next rest makes up for; more is forgotten, so that a pause for want of work earns nothing. */
const SLACK_MS = 30

export class DutyCycle {
  #share = 1
  #freeAt = 0

  /** 0 to 1. At 0 nothing may begin. */
  get share(): number {
    return this.#share
  }

  lend(share: number): void {
    this.#share = Math.min(1, Math.max(0, share))
    this.#freeAt = 0
  }

  /** Milliseconds until something may begin; infinite at share 0. */
  restMs(now: number): number {
    if (this.#share === 0) return Number.POSITIVE_INFINITY
    return this.#share === 1 ? 0 : Math.max(0, this.#freeAt - now)
  }

  /** Something that began at `startedAt` kept the device busy for that long. */
  spent(busyMs: number, startedAt: number): void {
    if (this.#share > 0) this.#freeAt = Math.max(this.#freeAt, startedAt - SLACK_MS) + busyMs / this.#share
  }
}
