import type { KernelManifest } from '../src/manifest.ts'

/** Ways to place n queens on an n × n board so that none attacks another, by n (OEIS A000170). */
export const QUEENS_SOLUTIONS: ReadonlyMap<number, number> = new Map([
  [5, 10],
  [6, 4],
  [7, 40],
  [8, 92],
  [9, 352],
  [10, 724],
  [11, 2_680],
  [12, 14_200],
  [13, 73_712],
  [14, 365_596],
  [15, 2_279_184],
  [16, 14_772_512]
])

/** Rows fixed by the unit, and rows that one WGSL invocation walks at most; the rows between are fixed by the invocation's index. */
const UNIT_ROWS = 2
const WALK_MAX = 9

/** Placements (partial ones included) that a backtracking search visits for a whole board, by n. Measured; a test counts them again. */
const VISITED: ReadonlyMap<number, number> = new Map([
  [5, 53],
  [6, 152],
  [7, 551],
  [8, 2_056],
  [9, 8_393],
  [10, 35_538],
  [11, 166_925],
  [12, 856_188],
  [13, 4_674_889],
  [14, 27_358_552],
  [15, 171_129_071],
  [16, 1_141_190_302]
])

export const nQueens: KernelManifest<'n'> = {
  name: 'n-queens',
  title: 'Queens that leave each other in peace',
  summary:
    'Counts the ways to place n queens on an n × n chessboard so that none attacks another. ' +
    'Each tile fixes the queens of the first two rows and counts every completion, so the sum over all units is exact.',
  params: {
    n: { description: 'Rows, columns and queens of the board', unit: '1', default: 12, min: 5, max: 16, integer: true }
  },
  check: () => null,
  inputs: [],
  determinism: 'exact',
  reduce: { kind: 'sum', output: 'count' },
  unitCount: ({ n }) => n * n,
  outputs: () => [{ name: 'count', type: 'u32', shape: [1] }],
  passes: ({ n }) => [{ entry: 'search', grid: [n ** Math.max(3, n - UNIT_ROWS - WALK_MAX), 1, 1], repeat: 1 }],
  comparator: () => ({ kind: 'exact' }),
  view: ({ n }) => ({ kind: 'number', label: `Ways to place ${n} queens` }),
  limits: () => ({ unitSeconds: 60, outputBytes: 4, memoryBytes: 16_777_216 }),
  // About 12 integer operations a placement.
  unitOperations: ({ n }) => Math.max(1, Math.round(((VISITED.get(n) ?? 0) * 12) / (n * n)))
}
