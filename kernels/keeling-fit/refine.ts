/** From the best cell of the grid to the continuous optimum. */
import { solveLinear } from '../src/linear.ts'
import { cellOf, gridExtent, modelAt, placeOf, type Cell, type KeelingParams, type Model } from './grid.ts'

export interface RefinedModel extends Model {
  /** Sum of squared residuals at the optimum, ppm². */
  readonly misfit: number
}

const AXES = [0, 1, 2, 3] as const
type Axis = (typeof AXES)[number]

/**
 * The misfit is exactly quadratic in the four parameters, so its gradient and curvature at any cell, by central differences,
 * lead to the minimum in one step. Differences are taken over `reach` cells where the grid has room, which quiets the rounding noise.
 *
 * `valueAt(unit, index)` gives elements of the finished units: at most nine units around the best one are asked for.
 * Throws RangeError when the grid has fewer than 3 cells along an axis or the values do not bend.
 */
export function refineBest(
  params: KeelingParams,
  best: { readonly unit: number; readonly index: number },
  valueAt: (unit: number, index: number) => number,
  reach = 4
): RefinedModel {
  const extent = gridExtent(params)
  if (Math.min(...extent) < 3) throw new RangeError(`Cannot refine in a grid of ${extent.join(' × ')} models: 3 along each axis are needed`)
  const steps = extent.map((count) => Math.min(reach, Math.floor((count - 1) / 2)))
  const step = (axis: Axis) => steps[axis] ?? 1
  const inside = (axis: Axis, cell: number) => Math.min(Math.max(cell, step(axis)), extent[axis] - 1 - step(axis))
  const found = cellOf(params, best.unit, best.index)
  const centre: Cell = [inside(0, found[0]), inside(1, found[1]), inside(2, found[2]), inside(3, found[3])]

  const at = (...moves: readonly (readonly [Axis, 1 | -1])[]) => {
    const cell: [number, number, number, number] = [...centre]
    for (const [axis, sign] of moves) cell[axis] += sign * step(axis)
    const { unit, index } = placeOf(params, cell)
    return valueAt(unit, index)
  }
  const middle = at()
  const gradient = AXES.map((i) => (at([i, 1]) - at([i, -1])) / 2)
  const curvature = AXES.map((i) =>
    AXES.map((j) =>
      i === j
        ? at([i, 1]) - 2 * middle + at([i, -1])
        : (at([i, 1], [j, 1]) - at([i, 1], [j, -1]) - at([i, -1], [j, 1]) + at([i, -1], [j, -1])) / 4
    )
  )
  const offset = solveLinear(
    curvature,
    gradient.map((slope) => -slope)
  )
  const moved = (axis: Axis) => centre[axis] + (offset[axis] ?? 0) * step(axis)
  const misfit = middle + gradient.reduce((sum, slope, axis) => sum + slope * (offset[axis] ?? 0), 0) / 2
  return { ...modelAt(params, [moved(0), moved(1), moved(2), moved(3)]), misfit }
}
