/** A set of unit numbers kept as disjoint, sorted ranges: 10⁹ finished units in a row take one entry. */
export class RangeSet {
  /** Starts and ends (exclusive), alternating, strictly increasing. */
  readonly #edges: number[] = []
  #size = 0

  /** Number of units in the set. */
  get size(): number {
    return this.#size
  }

  has(unit: number): boolean {
    return this.#edgesUpTo(unit) % 2 === 1
  }

  /** Whether all of [start, start + count) is in the set. */
  covers(start: number, count: number): boolean {
    const edges = this.#edgesUpTo(start)
    return edges % 2 === 1 && this.#edge(edges) >= start + count
  }

  /** Whether any of [start, start + count) is in the set. */
  meets(start: number, count: number): boolean {
    return this.has(start) || this.#edgesBelow(start + count) > this.#edgesUpTo(start)
  }

  /** Adds [start, start + count); parts that are there already are kept. */
  add(start: number, count = 1): void {
    const end = start + count
    const first = this.#edgesBelow(start)
    const last = this.#edgesUpTo(end)
    const from = first % 2 === 0 ? start : this.#edge(first - 1)
    const to = last % 2 === 0 ? end : this.#edge(last)
    const cutStart = first % 2 === 0 ? first : first - 1
    const cutEnd = last % 2 === 0 ? last : last + 1
    let covered = 0
    for (let i = cutStart; i < cutEnd; i += 2) covered += this.#edge(i + 1) - this.#edge(i)
    this.#edges.splice(cutStart, cutEnd - cutStart, from, to)
    this.#size += to - from - covered
  }

  /** Whether the unit was there. */
  delete(unit: number): boolean {
    const edges = this.#edgesUpTo(unit)
    if (edges % 2 === 0) return false
    const [from, to] = [this.#edge(edges - 1), this.#edge(edges)]
    const left = [...(from < unit ? [from, unit] : []), ...(unit + 1 < to ? [unit + 1, to] : [])]
    this.#edges.splice(edges - 1, 2, ...left)
    this.#size--
    return true
  }

  /** Unit after unit, in order. */
  *units(): Generator<number> {
    for (const [start, count] of this.ranges()) for (let unit = start; unit < start + count; unit++) yield unit
  }

  /** Ranges as [start, count], in order. */
  *ranges(): Generator<[number, number]> {
    for (let i = 0; i < this.#edges.length; i += 2) yield [this.#edge(i), this.#edge(i + 1) - this.#edge(i)]
  }

  #edge(index: number): number {
    const edge = this.#edges[index]
    if (edge === undefined) throw new RangeError(`Cannot read edge ${index} of ${this.#edges.length}`)
    return edge
  }

  /** How many edges are < value. */
  #edgesBelow(value: number): number {
    return this.#count((edge) => edge < value)
  }

  /** How many edges are ≤ value. */
  #edgesUpTo(value: number): number {
    return this.#count((edge) => edge <= value)
  }

  #count(before: (edge: number) => boolean): number {
    let low = 0
    let high = this.#edges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (before(this.#edge(middle))) low = middle + 1
      else high = middle
    }
    return low
  }
}
