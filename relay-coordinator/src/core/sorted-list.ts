/** Items in an order that the caller gives. An item must be taken out before what it is ordered by changes. */
export class SortedList<T> {
  readonly #items: T[] = []
  readonly #compare: (a: T, b: T) => number

  /** `compare` is 0 only for an item and itself. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  at(index: number): T | undefined {
    return this.#items[index]
  }

  add(item: T): void {
    this.#items.splice(this.#indexOf(item), 0, item)
  }

  delete(item: T): boolean {
    const index = this.#indexOf(item)
    if (this.#items[index] !== item) return false
    this.#items.splice(index, 1)
    return true
  }

  #indexOf(item: T): number {
    // Whoever is served leaves the front and comes in at the back.
    const last = this.#items.at(-1)
    if (last !== undefined && this.#compare(last, item) < 0) return this.#items.length
    if (this.#items[0] === item) return 0
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#items[middle]
      if (other !== undefined && this.#compare(other, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
