/** The continuous optimum of a finished `keeling-fit` job, from the validated values around its best cell. */
import { unitValueBytes, type JobDetail } from '@peercompute/job-specs'
import { BLOCK, keelingFit, REFERENCE_YEAR, refineBest, type KeelingParam, type KeelingParams } from '@peercompute/kernels'
import { fixed } from '../models/format.ts'
import type { Finding } from '../models/reduced.ts'
import { outputFromBytes } from '../models/unit-values.ts'
import { getValues, VALUE_UNITS_MAX } from './api.ts'

/** Rows of cells above and below the best one that the refinement may ask for. */
const REACH_ROWS = 8

/** Null when the job's parameters are not those of the library kernel, or the grid is too wide to be asked for at once. */
export async function refineKeeling(job: JobDetail, signal: AbortSignal): Promise<readonly Finding[] | null> {
  const { reduced } = job
  if (reduced.kind !== 'argmin' || reduced.unit === null || reduced.index === null) return null
  const names = Object.keys(keelingFit.params) as KeelingParam[]
  if (names.some((name) => typeof job.spec.params[name] !== 'number') || unitValueBytes(job.spec.outputs) !== 4 * BLOCK * BLOCK) return null
  const params = job.spec.params as KeelingParams
  const start = Math.max(0, Math.floor(reduced.unit / params.columns) - REACH_ROWS) * params.columns
  const count = Math.min(job.unitCount - start, (2 * REACH_ROWS + 1) * params.columns)
  if (count > VALUE_UNITS_MAX) return null
  const misfits = new Map(
    (await getValues(job.id, start, count, signal)).map(({ unit, value }) => [unit, outputFromBytes(job.spec.outputs, 'misfit', value)])
  )
  const best = refineBest(params, { unit: reduced.unit, index: reduced.index }, (unit, index) => misfits.get(unit)?.[index] ?? Number.NaN)
  if (!Number.isFinite(best.trend) || !Number.isFinite(best.curvature)) return null
  return [
    {
      label: `Growth rate in ${REFERENCE_YEAR}`,
      value: fixed(best.trend, 4),
      unit: 'ppm/yr',
      note: 'the lowest point of the misfit, between the cells of the map'
    },
    { label: 'Growth of the rate', value: fixed(2 * best.curvature, 5), unit: 'ppm/yr²', note: 'twice the quadratic coefficient' },
    {
      label: 'Annual swing',
      value: fixed(2 * Math.hypot(best.cosine, best.sine), 3),
      unit: 'ppm',
      note: 'from the lowest to the highest month'
    }
  ]
}
