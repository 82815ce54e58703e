/** Where each unit lies in the picture of its job. */
import { elementCount, type JobSpec } from '@peercompute/job-specs'
import { viewOutput } from '../unit-values.ts'

/** Largest number of units that a picture or map shows one by one. */
export const CELLS_MAX = 100_000
/** Longest side of a picture in its own pixels. Larger ones are drawn with every n-th pixel. */
const SIDE_MAX = 2_048

export interface Layout {
  readonly kind: 'image' | 'surface' | 'board'
  readonly units: number
  readonly columns: number
  readonly rows: number
  /** Pixels of one unit in the picture: its tile, or a single cell. */
  readonly cellWidth: number
  readonly cellHeight: number
  /** Row 0 is drawn at the bottom, as an axis that grows upwards wants it. */
  readonly upward: boolean
  /** Every n-th element of a tile is drawn. */
  readonly stride: number
}

export interface Cell {
  readonly column: number
  readonly row: number
}

/** Null when there are more units than a picture can show. */
export function pictureLayout(spec: Pick<JobSpec, 'view' | 'unitCount' | 'outputs' | 'reduce'>): Layout | null {
  const units = spec.unitCount
  if (units > CELLS_MAX) return null
  const view = spec.view
  if (view?.kind === 'surface') {
    const columns = Math.min(view.columns, units)
    return {
      kind: 'surface',
      units,
      columns,
      rows: Math.ceil(units / columns),
      cellWidth: 1,
      cellHeight: 1,
      upward: view.y.to > view.y.from,
      stride: 1
    }
  }
  if (view?.kind === 'image') {
    const output = viewOutput(spec)
    const columns = Math.min(view.columns, units)
    const rows = Math.ceil(units / columns)
    const width = output?.shape.at(-1) ?? 1
    const height = output === null ? 1 : elementCount(output) / width
    const stride = Math.max(1, Math.ceil(Math.max(columns * width, rows * height) / SIDE_MAX))
    return {
      kind: 'image',
      units,
      columns,
      rows,
      cellWidth: Math.ceil(width / stride),
      cellHeight: Math.ceil(height / stride),
      upward: false,
      stride
    }
  }
  const columns = boardColumns(units)
  return { kind: 'board', units, columns, rows: Math.ceil(units / columns), cellWidth: 1, cellHeight: 1, upward: false, stride: 1 }
}

/** Columns of a board without a shape of its own: a square number makes a square; else full rows where a divisor allows it, wider than tall. */
export function boardColumns(units: number): number {
  const root = Math.round(Math.sqrt(units))
  if (root * root === units && root <= 32) return root
  const ideal = Math.sqrt(units * 1.6)
  for (let columns = Math.ceil(ideal); columns <= ideal * 1.6 && columns <= units; columns++) {
    if (units % columns === 0) return columns
  }
  return Math.max(1, Math.min(units, Math.round(ideal)))
}

/** Column and drawn row, 0 at the top. */
export function cellOf(layout: Layout, unit: number): Cell {
  const row = Math.floor(unit / layout.columns)
  return { column: unit % layout.columns, row: layout.upward ? layout.rows - 1 - row : row }
}

/** Null outside the units. */
export function unitAt(layout: Layout, cell: Cell): number | null {
  if (cell.column < 0 || cell.column >= layout.columns || cell.row < 0 || cell.row >= layout.rows) return null
  const unit = (layout.upward ? layout.rows - 1 - cell.row : cell.row) * layout.columns + cell.column
  return unit < layout.units ? unit : null
}
