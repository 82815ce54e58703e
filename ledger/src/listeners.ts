/** Those who want to hear of one thing. */
export class Listeners<T extends readonly unknown[]> {
  readonly #all = new Set<(...news: T) => void>()

  /** Returns the function that takes it off again. */
  add(listener: (...news: T) => void): () => void {
    this.#all.add(listener)
    return () => {
      this.#all.delete(listener)
    }
  }

  tell(...news: T): void {
    for (const listener of this.#all) listener(...news)
  }

  clear(): void {
    this.#all.clear()
  }
}
