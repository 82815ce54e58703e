/** Ranges of units. */
export interface UnitRange {
  readonly start: number
  readonly count: number
}

/** Whether `range` shares a unit with one of `ranges`, which are in rising order and do not meet each other. */
export function meets(ranges: readonly UnitRange[], { start, count }: UnitRange): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const range = ranges[middle]
    if (range !== undefined && range.start + range.count <= start) low = middle + 1
    else high = middle
  }
  const first = ranges[low]
  return first !== undefined && first.start < start + count
}
