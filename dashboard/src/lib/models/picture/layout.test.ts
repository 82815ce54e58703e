import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spec } from '../../../../dev/fixture-jobs.ts'
import { boardColumns, CELLS_MAX, cellOf, pictureLayout, unitAt, type Layout } from './layout.ts'

function layoutOf(name: Parameters<typeof spec>[0]): Layout {
  const layout = pictureLayout(spec(name))
  if (layout === null) throw new Error('no layout')
  return layout
}

describe('a picture', () => {
  it('puts every unit into its own cell and finds it again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 60 }), fc.boolean(), (units, wanted, upward) => {
        const columns = Math.min(wanted, units)
        const layout: Layout = {
          kind: 'surface',
          units,
          columns,
          rows: Math.ceil(units / columns),
          cellWidth: 1,
          cellHeight: 1,
          upward,
          stride: 1
        }
        const seen = new Set<string>()
        for (let unit = 0; unit < units; unit++) {
          const cell = cellOf(layout, unit)
          seen.add(`${cell.column},${cell.row}`)
          expect(unitAt(layout, cell)).toBe(unit)
        }
        expect(seen.size).toBe(units)
      })
    )
  })

  it('draws a surface with its larger value above', () => {
    const layout = layoutOf('keeling')
    expect(layout.upward).toBe(true)
    expect(cellOf(layout, 0)).toEqual({ column: 0, row: layout.rows - 1 })
    expect(unitAt(layout, { column: -1, row: 0 })).toBeNull()
  })

  it('keeps the shape of image tiles', () => {
    const layout = layoutOf('mandelbrot')
    expect([layout.columns, layout.rows, layout.cellWidth, layout.cellHeight]).toEqual([16, 9, 48, 48])
  })

  it('shrinks tiles rather than grow past the largest side', () => {
    const large = pictureLayout({ ...spec('mandelbrot'), outputs: [{ name: 'steps', type: 'u32', shape: [512, 512] }] })
    expect(large?.stride).toBe(4)
    expect((large?.columns ?? 0) * (large?.cellWidth ?? 0)).toBeLessThanOrEqual(2_048)
  })

  it('refuses what it cannot show one by one', () => {
    expect(pictureLayout({ ...spec('queens'), unitCount: CELLS_MAX + 1 })).toBeNull()
  })
})

describe('a board', () => {
  it('fills its rows where the number of units allows it', () => {
    expect(boardColumns(90)).toBe(15)
    expect(boardColumns(1)).toBe(1)
    expect(boardColumns(144)).toBe(12)
    expect(boardColumns(97)).toBe(12)
  })
})
