import { describe, expect, it } from 'vitest'
import type { Layout } from './layout.ts'
import { legibleOn, rampTable, type Rgb } from './ramp.ts'
import { renderPicture, thin } from './render.ts'
import { imageScale, surfaceScale } from './scale.ts'

const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]
const table = rampTable([WHITE, BLACK])
const tiles: Layout = { kind: 'image', units: 2, columns: 2, rows: 1, cellWidth: 2, cellHeight: 1, upward: false, stride: 1 }
const linear = { kind: 'image' as const, output: 'steps', columns: 2, scale: 'linear' as const }

function greys(pixels: Uint8ClampedArray): (number | null)[] {
  return Array.from({ length: pixels.length / 4 }, (_, pixel) => (pixels[pixel * 4 + 3] === 0 ? null : (pixels[pixel * 4] ?? null)))
}

describe('the ramp', () => {
  it('runs through all of its stops in equal steps', () => {
    const five = rampTable([WHITE, [200, 0, 0], [100, 0, 0], [50, 0, 0], BLACK])
    expect([five[0], five[255 * 3]]).toEqual([255, 0])
    expect(five[128 * 3]).toBeGreaterThanOrEqual(98)
    expect(five[128 * 3]).toBeLessThanOrEqual(101)
  })
})

describe('numbers on the print', () => {
  it('take the end of the ramp that reads better, light or dark', () => {
    expect([0, 0.3, 0.7, 1].map((density) => legibleOn(table, density))).toEqual(['print-4', 'print-4', 'print-0', 'print-0'])
    expect(legibleOn(rampTable([BLACK, WHITE]), 0.7)).toBe('print-0')
  })
})

describe('rendering', () => {
  it('prints verified values at full density and leaves unknown units transparent', () => {
    const pixels = new Uint8ClampedArray(16)
    renderPicture(pixels, tiles, linear, { verified: new Map([[1, Float64Array.of(0, 10)]]), provisional: new Map() }, table)
    expect(greys(pixels)).toEqual([null, null, 255, 0])
  })

  it('prints what one computer found at 0.4 of the ramp, and at full once it is verified', () => {
    const pixels = new Uint8ClampedArray(16)
    const own = new Map([
      [0, Float64Array.of(10, 10)],
      [1, Float64Array.of(0, 0)]
    ])
    renderPicture(pixels, tiles, linear, { verified: new Map([[1, Float64Array.of(0, 10)]]), provisional: own }, table)
    expect(greys(pixels)).toEqual([153, 153, 255, 0])
  })

  it('puts row 0 of a surface at the bottom and its minimum at full density', () => {
    const surface: Layout = { kind: 'surface', units: 2, columns: 1, rows: 2, cellWidth: 1, cellHeight: 1, upward: true, stride: 1 }
    const pixels = new Uint8ClampedArray(8)
    renderPicture(
      pixels,
      surface,
      undefined,
      {
        verified: new Map([
          [0, Float64Array.of(1)],
          [1, Float64Array.of(9)]
        ]),
        provisional: new Map()
      },
      table
    )
    expect(greys(pixels)).toEqual([255, 0])
  })

  it('prints NaN as unexposed instead of as something', () => {
    const pixels = new Uint8ClampedArray(16)
    renderPicture(
      pixels,
      tiles,
      linear,
      {
        verified: new Map([
          [0, Float64Array.of(Number.NaN, 5)],
          [1, Float64Array.of(0, 10)]
        ]),
        provisional: new Map()
      },
      table
    )
    expect(greys(pixels)[0]).toBe(255)
  })
})

describe('scales', () => {
  it('are monotonic, except the cyclic one, which never jumps', () => {
    const extent = { from: 0, to: 500 }
    const log = imageScale('log', extent)
    const cyclic = imageScale('cyclic', extent)
    const surface = surfaceScale(extent)
    for (let value = 0; value < 499; value++) {
      expect(log(value + 1)).toBeGreaterThan(log(value))
      expect(surface(value + 1)).toBeLessThan(surface(value))
      if (value > 20 && value < 498) expect(Math.abs(cyclic(value + 1) - cyclic(value))).toBeLessThan(0.05)
    }
    expect([log(0), log(500), surface(0), surface(500)]).toEqual([0, 1, 1, 0])
  })

  it('give a constant picture a middle density', () => {
    expect(imageScale('linear', { from: 3, to: 3 })(3)).toBe(0.5)
  })
})

describe('thinning a tile', () => {
  it('keeps every n-th element of every n-th row', () => {
    expect(
      thin(
        Float64Array.from({ length: 16 }, (_, index) => index),
        4,
        2
      )
    ).toEqual(Float64Array.of(0, 2, 8, 10))
  })
})
