/** Several sorted sources as one. */
export interface Source<T> {
  /** No unit of it is lower. */
  readonly first: number
  open(): Iterator<T, unknown>
}

/** By rising unit, each once. A source is opened when the others have reached its first unit. */
export function* inUnitOrder<T extends { readonly unit: number }>(sources: readonly Source<T>[]): Generator<T> {
  const waiting = [...sources].sort((a, b) => b.first - a.first)
  const heads: { item: T; readonly rest: Iterator<T, unknown> }[] = []
  let last = -1
  for (;;) {
    const lowest = heads.reduce<(typeof heads)[number] | undefined>(
      (low, head) => (low && low.item.unit <= head.item.unit ? low : head),
      undefined
    )
    const next = waiting.at(-1)
    if (next !== undefined && (lowest === undefined || next.first <= lowest.item.unit)) {
      waiting.pop()
      const rest = next.open()
      const head = rest.next()
      if (head.done !== true) heads.push({ item: head.value, rest })
      continue
    }
    if (lowest === undefined) return
    if (lowest.item.unit > last) {
      last = lowest.item.unit
      yield lowest.item
    }
    const following = lowest.rest.next()
    if (following.done === true) heads.splice(heads.indexOf(lowest), 1)
    else lowest.item = following.value
  }
}
