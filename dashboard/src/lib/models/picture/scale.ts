/** From values to densities, 0 … 1, over what has been seen so far. */
import type { View } from '@peercompute/job-specs'

export interface Extent {
  readonly from: number
  readonly to: number
}

/** Extent of the finite values; null when there is none. */
export function extentOf(groups: Iterable<Float64Array>): Extent | null {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const values of groups) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue
      if (value < from) from = value
      if (value > to) to = value
    }
  }
  return from <= to ? { from, to } : null
}

function share(value: number, { from, to }: Extent): number {
  return to === from ? 0.5 : (value - from) / (to - from)
}

/** How many times a cyclic picture passes from light to dark and back over its extent, on a logarithmic scale. */
const CYCLES = 3

/**
 * `linear`: proportional. `log`: proportional to log(1 + distance from the smallest), for counts with a long tail.
 * `cyclic`: the log scale folded back and forth, so that neighbouring values never jump; the largest value prints full.
 */
export function imageScale(kind: Extract<View, { kind: 'image' }>['scale'], extent: Extent): (value: number) => number {
  if (kind === 'linear') return (value) => share(value, extent)
  const span = Math.log1p(extent.to - extent.from)
  const logarithmic = (value: number) => (span === 0 ? 0.5 : Math.log1p(Math.max(0, value - extent.from)) / span)
  if (kind === 'log') return logarithmic
  return (value) => {
    if (value >= extent.to) return 1
    const turn = logarithmic(value) * CYCLES
    const phase = turn % 2
    return phase <= 1 ? phase : 2 - phase
  }
}

/** Contrast of the valley: densities spread over four decades of distance from the best value. */
const SURFACE_CONTRAST = 1e3

/** A surface prints its minimum at full density: the denser, the better the fit. */
export function surfaceScale(extent: Extent): (value: number) => number {
  return (value) => 1 - Math.log1p(SURFACE_CONTRAST * Math.max(0, share(value, extent))) / Math.log1p(SURFACE_CONTRAST)
}
