/** The unit map: one cell a unit, as one bitmap. Pure; the canvas is somewhere else. */
import type { Rgb } from './picture/ramp.ts'

/** Cells across, by the width at hand in CSS pixels. Phones get fewer columns, and so a taller map. */
export function mapColumns(widthPx: number, units: number): number {
  const wanted = widthPx > 760 ? 200 : widthPx > 560 ? 125 : 80
  // A small job gets large cells instead of one thin row: about five times as wide as tall, in full rows where a divisor allows it.
  const ideal = Math.max(1, Math.min(wanted, units, Math.ceil(Math.sqrt(units * 5))))
  for (let off = 0; off <= ideal / 4; off++) {
    const full = [ideal - off, ideal + off].find((columns) => columns <= wanted && units % columns === 0)
    if (full !== undefined) return full
  }
  return ideal
}

export const cellStates = ['waiting', 'provisional', 'validated', 'errored'] as const
export type CellState = (typeof cellStates)[number]
export const CELL = { waiting: 0, provisional: 1, validated: 2, errored: 3 } as const satisfies Record<CellState, number>

export interface MapPalette {
  readonly cells: readonly Rgb[]
  readonly gap: Rgb
}
export interface MapShape {
  readonly columns: number
  readonly cellPx: number
}

/**
 * RGBA of `states`, `columns·cellPx` wide. Gaps are drawn only where a unit is not validated, so that finished work closes
 * to a solid print. Cells past the last unit take the colour of the gap.
 */
export function renderUnitMap(pixels: Uint8ClampedArray, states: Uint8Array, shape: MapShape, palette: MapPalette): void {
  const width = shape.columns * shape.cellPx
  const rows = Math.ceil(states.length / shape.columns)
  for (let y = 0; y < rows * shape.cellPx; y++) {
    const row = Math.floor(y / shape.cellPx)
    const lastLine = y % shape.cellPx === shape.cellPx - 1
    for (let x = 0; x < width; x++) {
      const state = states[row * shape.columns + Math.floor(x / shape.cellPx)]
      const edge = shape.cellPx > 3 && state !== CELL.validated && (lastLine || x % shape.cellPx === shape.cellPx - 1)
      const colour = state === undefined || edge ? palette.gap : (palette.cells[state] ?? palette.gap)
      const at = (y * width + x) * 4
      pixels[at] = colour[0]
      pixels[at + 1] = colour[1]
      pixels[at + 2] = colour[2]
      pixels[at + 3] = 255
    }
  }
}

/** Where an arrow key leads; the same unit at the edges, null for other keys. Home and End go to the first and last unit. */
export function moveInMap(unit: number, key: string, columns: number, units: number): number | null {
  const steps: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: columns * 10,
    PageUp: -columns * 10
  }
  if (key === 'Home') return 0
  if (key === 'End') return units - 1
  const step = steps[key]
  return step === undefined ? null : Math.max(0, Math.min(units - 1, unit + step))
}
