/** Page after page of `size`, by rising unit; a shorter one is the last. */
export function* paged<T extends { readonly unit: number }>(
  page: (from: number) => readonly T[],
  from: number,
  size: number
): Generator<T> {
  for (let next = from; ;) {
    const items = page(next)
    yield* items
    const last = items.at(-1)
    if (last === undefined || items.length < size) return
    next = last.unit + 1
  }
}
