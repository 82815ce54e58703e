/** How far two honest results of one unit may differ: a worst-case bound, derived, not tuned. README.md §Tolerance has the steps. */
import type { Comparator } from '@peercompute/job-specs'
import type { KeelingParams } from './grid.ts'

/** Unit roundoff of f32. */
const U = 2 ** -24

/** Bounds on the vendored record, checked by its test: months, and the largest magnitude in each centred column. */
export const RECORD_BOUNDS = { months: 741, years: 31.3, squares: 692, seasons: 0.966, co2: 63 } as const

/**
 * Root mean square residual that no model of this family undercuts on the vendored record, ppm (the closed form gives 0.948).
 * It turns the bound, which grows with the square root of the misfit, into a relative one.
 */
export const RESIDUAL_FLOOR_PPM = 0.9

/** Most roundings in a sum of n squares: 32 in a partial sum, n/32 in the total, 3 in the square and the result. */
const summationError = (months: number) => (32 + Math.ceil(months / 32) + 3) * U

/** Largest error of one residual in f32, ppm. */
export function residualError(params: KeelingParams): number {
  const axes = [
    [params.trendFrom, params.trendTo, RECORD_BOUNDS.years],
    [params.curvatureFrom, params.curvatureTo, RECORD_BOUNDS.squares],
    [params.cosineFrom, params.cosineTo, RECORD_BOUNDS.seasons],
    [params.sineFrom, params.sineTo, RECORD_BOUNDS.seasons]
  ] as const
  let terms = 0
  let magnitude: number = RECORD_BOUNDS.co2
  for (const [from, to, column] of axes) {
    const most = Math.max(Math.abs(from), Math.abs(to))
    // The coordinate: both ends rounded to f32, their difference, a division (2.5 ulp = 5 U in WGSL), a product and a sum.
    const coordinate = (4 * most + 7 * Math.abs(to - from)) * U
    terms += column * (coordinate + most * U)
    magnitude += column * most
  }
  // Four subtractions, each rounding a partial result of at most `magnitude`. The last per cent stands for products of errors.
  return 1.01 * (terms + 4 * magnitude * U)
}

/**
 * |m̃ − m| ≤ s·m + 2e·√(n·m) + n·e² with s the summation error, e the residual error and n the months (Cauchy–Schwarz).
 * With m ≥ m₀ = n·floor² that is at most `relative · m`; two results may err in opposite directions, hence twice that. It is proven
 * for every device, so it holds within a numeric class too.
 */
export function keelingComparator(params: KeelingParams): Comparator {
  const ratio = residualError(params) / RESIDUAL_FLOOR_PPM
  const relative = 2 * (summationError(RECORD_BOUNDS.months) + 2 * ratio + ratio * ratio)
  return { kind: 'tolerance', absolute: relative * RECORD_BOUNDS.months * RESIDUAL_FLOOR_PPM ** 2, relative: Math.min(relative, 1) }
}
