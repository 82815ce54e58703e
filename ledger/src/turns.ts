/** Runs the tasks of one key one after another, those of different keys side by side. */
export class Turns {
  readonly #last = new Map<string, { readonly done: Promise<void>; waiting: number }>()

  /** Tasks of this key that have not ended. */
  waiting(key: string): number {
    return this.#last.get(key)?.waiting ?? 0
  }

  /** Resolves when no task is left. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.all([...this.#last.values()].map(({ done }) => done))
  }

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const { promise: done, resolve: end }: PromiseWithResolvers<void> = Promise.withResolvers()
    const own = { done, waiting: (before?.waiting ?? 0) + 1 }
    this.#last.set(key, own)
    await before?.done
    try {
      return await task()
    } finally {
      end()
      const last = this.#last.get(key)
      if (last === own) this.#last.delete(key)
      else if (last !== undefined) last.waiting--
    }
  }
}
