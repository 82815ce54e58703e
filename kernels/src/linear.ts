/** Solving small dense linear systems, for reference answers. */

/** x with A·x = b by Gaussian elimination with partial pivoting. Throws RangeError when A is singular. */
export function solveLinear(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index] ?? 0])
  const entry = (row: number, column: number) => rows[row]?.[column] ?? 0
  const size = rows.length
  for (let pivot = 0; pivot < size; pivot++) {
    let best = pivot
    for (let row = pivot + 1; row < size; row++) if (Math.abs(entry(row, pivot)) > Math.abs(entry(best, pivot))) best = row
    if (!(Math.abs(entry(best, pivot)) > 0)) throw new RangeError('Cannot solve the linear system: it is singular')
    const [swapped, chosen] = [rows[pivot] ?? [], rows[best] ?? []]
    rows[pivot] = chosen
    rows[best] = swapped
    for (let row = pivot + 1; row < size; row++) {
      const factor = entry(row, pivot) / entry(pivot, pivot)
      rows[row] = (rows[row] ?? []).map((value, column) => value - factor * entry(pivot, column))
    }
  }
  const solution = Array.from({ length: size }, () => 0)
  for (let row = size - 1; row >= 0; row--) {
    const known = solution.reduce((sum, value, column) => sum + entry(row, column) * value, 0)
    solution[row] = (entry(row, size) - known) / entry(row, row)
  }
  return solution
}
