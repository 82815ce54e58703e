import { describe, expect, it } from 'vitest'
import type { Rgb } from './picture/ramp.ts'
import { CELL, mapColumns, moveInMap, renderUnitMap } from './unit-map.ts'

const cells: Rgb[] = [
  [200, 0, 0],
  [150, 0, 0],
  [10, 0, 0],
  [255, 0, 0]
]
const palette = { cells, gap: [240, 0, 0] as Rgb }

function reds(states: number[], columns: number, cellPx: number): number[] {
  const pixels = new Uint8ClampedArray(columns * cellPx * Math.ceil(states.length / columns) * cellPx * 4)
  renderUnitMap(pixels, Uint8Array.from(states), { columns, cellPx }, palette)
  return Array.from({ length: pixels.length / 4 }, (_, pixel) => pixels[pixel * 4] ?? -1)
}

describe('the unit map', () => {
  it('gives every unit its colour, and nothing to cells past the last one', () => {
    expect(reds([CELL.validated, CELL.waiting, CELL.errored], 2, 1)).toEqual([10, 200, 255, 240])
  })

  it('closes finished work to solid and leaves gaps elsewhere', () => {
    const line = reds([CELL.validated, CELL.waiting], 2, 4).slice(0, 8)
    expect(line).toEqual([10, 10, 10, 10, 200, 200, 200, 240])
  })

  it('uses fewer, larger cells on a phone and for small jobs', () => {
    expect(mapColumns(1000, 10_000)).toBe(200)
    expect(mapColumns(600, 10_000)).toBe(125)
    expect(mapColumns(320, 10_000)).toBe(80)
    expect(mapColumns(1000, 90)).toBe(18)
    expect(mapColumns(1000, 97)).toBe(23)
    expect(mapColumns(1000, 1)).toBe(1)
  })
})

describe('the keys of the unit map', () => {
  it('move one cell or one row and stop at the edges', () => {
    expect(moveInMap(0, 'ArrowLeft', 10, 95)).toBe(0)
    expect(moveInMap(90, 'ArrowDown', 10, 95)).toBe(94)
    expect(moveInMap(15, 'ArrowUp', 10, 95)).toBe(5)
    expect(moveInMap(15, 'End', 10, 95)).toBe(94)
    expect(moveInMap(15, 'Tab', 10, 95)).toBeNull()
  })
})
