/** Development only: n queens by prefixes of two, the plain way. */

function fits(placed: readonly number[], column: number): boolean {
  return placed.every((other, row) => other !== column && Math.abs(other - column) !== placed.length - row)
}

/** Every legal placement of the first two queens, in order. */
export function prefixes(n: number): number[][] {
  const out: number[][] = []
  for (let first = 0; first < n; first++) {
    for (let second = 0; second < n; second++) if (fits([first], second)) out.push([first, second])
  }
  return out
}

export function solutionsFrom(n: number, placed: readonly number[]): number {
  if (placed.length === n) return 1
  let sum = 0
  for (let column = 0; column < n; column++) if (fits(placed, column)) sum += solutionsFrom(n, [...placed, column])
  return sum
}
