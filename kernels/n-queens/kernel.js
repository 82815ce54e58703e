// CPU twin of kernel.wgsl: counts the placements of n queens that begin with the two queens of the unit.

// Bit masks of the taken columns and of the two diagonals, which move one column with every row.
function completions(all, columns, left, right) {
  if (columns === all) return 1
  let found = 0
  let open = all & ~(columns | left | right)
  while (open !== 0) {
    const bit = open & -open
    open ^= bit
    found += completions(all, columns | bit, (left | bit) << 1, (right | bit) >> 1)
  }
  return found
}

export default function compute({ unit, params }) {
  const { n } = params
  const first = 1 << (Math.floor(unit / n) % n)
  const second = 1 << (unit % n)
  const attacked = first | (first << 1) | (first >> 1)
  const found =
    (attacked & second) !== 0 ? 0 : completions((1 << n) - 1, first | second, ((first << 1) | second) << 1, ((first >> 1) | second) >> 1)
  return { count: Uint32Array.of(found) }
}
