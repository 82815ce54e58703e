/** Turns at something that there is a number of, such as cores: first come, first served. The number may change at any time. */
export class SlotBudget {
  /** As many as there can be. */
  readonly most: number
  readonly #waiting: (() => void)[] = []
  #slots: number
  #taken = 0

  constructor(most: number) {
    this.most = most
    this.#slots = most
  }

  /** As many as there are now. */
  get slots(): number {
    return this.#slots
  }

  /** More are taken than there are, because there were more: who comes to an end should give his back and queue up again. */
  get overdrawn(): boolean {
    return this.#taken > this.#slots
  }

  /** Waits for a slot. Call the returned function once to give it back. Rejects when `signal` aborts. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#slots) {
      this.#taken++
    } else {
      await new Promise<void>((resolve, reject) => {
        const granted = () => {
          signal.removeEventListener('abort', aborted)
          resolve()
        }
        const aborted = () => {
          this.#waiting.splice(this.#waiting.indexOf(granted), 1)
          reject(signal.reason as Error)
        }
        this.#waiting.push(granted)
        signal.addEventListener('abort', aborted, { once: true })
      })
    }
    return () => {
      this.#taken--
      this.#grant()
    }
  }

  /** At least 1, at most `most`. Fewer than are taken come into force as they are given back. */
  resize(slots: number): void {
    this.#slots = Math.min(this.most, Math.max(1, Math.floor(slots)))
    this.#grant()
  }

  #grant(): void {
    while (this.#taken < this.#slots) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#taken++
      next()
    }
  }
}
