/** Where a work unit and an element of its output lie in the space of models. Same arithmetic as the programs, in double precision. */
import type { KernelParams } from '../src/manifest.ts'

/** Models of one unit: BLOCK values of the cosine amplitude (fast) times BLOCK of the sine amplitude. */
export const BLOCK = 16

export type KeelingParam =
  'trendFrom' | 'trendTo' | 'curvatureFrom' | 'curvatureTo' | 'cosineFrom' | 'cosineTo' | 'sineFrom' | 'sineTo' | 'columns' | 'rows'
export type KeelingParams = KernelParams<KeelingParam>

export interface Model {
  /** ppm/yr at REFERENCE_YEAR. */
  readonly trend: number
  /** ppm/yr². */
  readonly curvature: number
  /** Amplitudes of the annual cycle, ppm. */
  readonly cosine: number
  readonly sine: number
}

/** A place in the four-dimensional grid, by cell numbers. */
export type Cell = readonly [trend: number, curvature: number, cosine: number, sine: number]

export function cellOf(params: KeelingParams, unit: number, index: number): Cell {
  return [unit % params.columns, Math.floor(unit / params.columns), index % BLOCK, Math.floor(index / BLOCK)]
}

export function placeOf(params: KeelingParams, [trend, curvature, cosine, sine]: Cell): { unit: number; index: number } {
  return { unit: curvature * params.columns + trend, index: sine * BLOCK + cosine }
}

/** Number of cells along each axis. */
export function gridExtent(params: KeelingParams): Cell {
  return [params.columns, params.rows, BLOCK, BLOCK]
}

/** The model at the middle of a cell; fractional cell numbers lie between the middles. */
export function modelAt(params: KeelingParams, cell: Cell): Model {
  const extent = gridExtent(params)
  const along = (axis: 0 | 1 | 2 | 3, from: number, to: number) => from + (to - from) * ((cell[axis] + 0.5) / extent[axis])
  return {
    trend: along(0, params.trendFrom, params.trendTo),
    curvature: along(1, params.curvatureFrom, params.curvatureTo),
    cosine: along(2, params.cosineFrom, params.cosineTo),
    sine: along(3, params.sineFrom, params.sineTo)
  }
}
