/** Edits between two words: insert, delete, replace, or swap of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const cell = (row: readonly number[] | undefined, column: number) => row?.[column] ?? 0
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = cell(rows[i - 1], j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cell(rows[i - 2], j - 2) + 1 : Infinity
      row.push(Math.min(cell(rows[i - 1], j) + 1, cell(row, j - 1) + 1, replace, swap))
    }
    rows.push(row)
  }
  return cell(rows[a.length], b.length)
}

const PREFIX = 4

/** The known word that was most likely meant, or undefined when none is near. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase().slice(0, 64)
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => {
      const near = distance <= Math.max(1, Math.floor(Math.min(lower.length, candidate.length) / 3))
      return near || (lower.length >= PREFIX && candidate.toLowerCase().startsWith(lower.slice(0, PREFIX)))
    })
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}
