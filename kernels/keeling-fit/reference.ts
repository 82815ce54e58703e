/** The known answer: least squares in closed form, in double precision, without a grid. */
import { solveLinear } from '../src/linear.ts'
import type { Model } from './grid.ts'
import { regressors, type Month } from './record.ts'

export interface LeastSquares extends Model {
  /** ppm at REFERENCE_YEAR without the annual cycle. */
  readonly constant: number
  /** Sum of squared residuals, ppm². */
  readonly misfit: number
}

/** Solves the five normal equations XᵀX·p = Xᵀy with X = (1, τ, τ², cos 2πt, sin 2πt). Throws RangeError for too few months. */
export function leastSquares(months: readonly Month[]): LeastSquares {
  const design = months.map(({ time }) => [1, ...regressors(time)])
  const normal = Array.from({ length: 5 }, (_, i) =>
    Array.from({ length: 5 }, (_, j) => design.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0))
  )
  const right = Array.from({ length: 5 }, (_, i) => months.reduce((sum, { co2 }, month) => sum + (design[month]?.[i] ?? 0) * co2, 0))
  const [constant = 0, trend = 0, curvature = 0, cosine = 0, sine = 0] = solveLinear(normal, right)
  const fitted = { constant, trend, curvature, cosine, sine }
  return { ...fitted, misfit: misfitOf(months, fitted) }
}

/** Sum of squared residuals (ppm²) of a model whose constant is given. */
export function misfitOf(months: readonly Month[], model: Model & { readonly constant: number }): number {
  return months.reduce((sum, month) => sum + (residual(month, model) - model.constant) ** 2, 0)
}

/** Sum of squared residuals (ppm²) of a model under the constant that suits it best: the mean of its residuals. */
export function bestMisfitOf(months: readonly Month[], model: Model): number {
  const constant = months.reduce((sum, month) => sum + residual(month, model), 0) / months.length
  return misfitOf(months, { ...model, constant })
}

function residual({ time, co2 }: Month, { trend, curvature, cosine, sine }: Model): number {
  const [years, squares, cosines, sines] = regressors(time)
  return co2 - trend * years - curvature * squares - cosine * cosines - sine * sines
}
