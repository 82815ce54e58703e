import type { KernelManifest } from '../src/manifest.ts'

/** Pixels along an edge of a tile. */
export const TILE = 64

/** 1 in the kernel's fixed-point numbers (Q4.28). Coordinates are given as whole multiples of 2⁻²⁸, so every program reads the same ones. */
export const ONE = 2 ** 28

export type MandelbrotParam = 'centerX' | 'centerY' | 'width' | 'columns' | 'rows' | 'maxIterations'

export const mandelbrot: KernelManifest<MandelbrotParam> = {
  name: 'mandelbrot',
  title: 'The Mandelbrot set, tile by tile',
  summary:
    'Draws the Mandelbrot set. Each tile has 64 × 64 pixels and counts, for each of them, the steps after which z² + c leaves the circle of radius 2. ' +
    'The arithmetic is in whole numbers, so all volunteers must find the same picture to the last bit.',
  params: {
    centerX: { description: 'Real part of the centre', unit: '2⁻²⁸', default: -0.75 * ONE, min: -2 * ONE, max: 2 * ONE, integer: true },
    centerY: { description: 'Imaginary part of the centre', unit: '2⁻²⁸', default: 0, min: -2 * ONE, max: 2 * ONE, integer: true },
    width: {
      description: 'Width of the whole picture, rounded down to a whole number of steps for each pixel',
      unit: '2⁻²⁸',
      default: 3.5 * ONE,
      min: 64,
      max: 4 * ONE,
      integer: true
    },
    columns: { description: 'Tiles in a row', unit: '1', default: 16, min: 1, max: 1024, integer: true },
    rows: { description: 'Rows of tiles', unit: '1', default: 12, min: 1, max: 1024, integer: true },
    maxIterations: {
      description: 'Steps after which a point counts as inside',
      unit: '1',
      default: 1000,
      min: 1,
      max: 16_384,
      integer: true
    }
  },
  check: ({ centerX, centerY, width, columns, rows }) => {
    const pitch = Math.trunc(width / (columns * TILE))
    if (pitch < 1)
      return `The width ${width} · 2⁻²⁸ is less than one step for each of ${columns * TILE} pixels; it must be at least ${columns * TILE}.`
    const [farX, farY] = [Math.abs(centerX) + (pitch * columns * TILE) / 2, Math.abs(centerY) + (pitch * rows * TILE) / 2]
    return Math.max(farX, farY) <= 4 * ONE
      ? null
      : 'The picture reaches past ±4, where the fixed-point numbers end: move the centre or lessen width or rows.'
  },
  inputs: [],
  determinism: 'exact',
  reduce: { kind: 'none' },
  unitCount: ({ columns, rows }) => columns * rows,
  outputs: () => [{ name: 'iterations', type: 'u32', shape: [TILE, TILE] }],
  passes: () => [{ entry: 'draw', grid: [TILE, TILE, 1], repeat: 1 }],
  comparator: () => ({ kind: 'exact' }),
  view: ({ columns }) => ({ kind: 'image', output: 'iterations', columns, scale: 'log' }),
  limits: () => ({ unitSeconds: 60, outputBytes: 4 * TILE * TILE, memoryBytes: 16_777_216 }),
  // About 40 integer operations a step; a third of the steps is a fair guess for a picture of the whole set.
  unitOperations: ({ maxIterations }) => Math.max(1, Math.round((TILE * TILE * maxIterations * 40) / 3))
}
