/** The verified answer of the sample job: the best model of the grid, the optimum between the grid's cells, and the closed-form solution. */
import { readFile } from 'node:fs/promises'
import { outputElements, PeerComputeError, type JobDetail } from '@peercompute/job-specs'
import {
  cellOf,
  keelingFit,
  leastSquares,
  modelAt,
  parseMonths,
  refineBest,
  resolveParams,
  type KeelingParams,
  type Model,
  type RefinedModel
} from '@peercompute/kernels'
import { kernelFile } from '@peercompute/kernels/files'

export interface KeelingAnswer {
  readonly best: Model & { readonly misfit: number; readonly unit: number }
  readonly refined: RefinedModel
  /** Least squares over the same months without a grid: what the answer has to be. */
  readonly closedForm: Model & { readonly misfit: number }
}

/** Elements of a settled unit's misfit. */
export type UnitElements = (unit: number) => Promise<readonly number[]>

/** Thrown to say which unit is wanted next: the refinement is pure and asks for its values one after another. */
class UnitWanted extends Error {
  readonly unit: number
  constructor(unit: number) {
    super(`Unit ${unit} is wanted`)
    this.unit = unit
  }
}

/** The refinement looks at nine units at most. */
const UNITS_MAX = 9

async function refine(
  params: KeelingParams,
  best: { readonly unit: number; readonly index: number },
  elementsOf: UnitElements
): Promise<RefinedModel> {
  const known = new Map<number, readonly number[]>()
  for (;;) {
    try {
      return refineBest(params, best, (unit, index) => {
        const value = known.get(unit)?.[index]
        if (value === undefined) throw new UnitWanted(unit)
        return value
      })
    } catch (error) {
      if (!(error instanceof UnitWanted) || known.size >= UNITS_MAX || known.has(error.unit)) throw error
      known.set(error.unit, await elementsOf(error.unit))
    }
  }
}

/** The misfit's elements in the bytes of a settled unit. */
export function misfitElements(job: JobDetail, value: Uint8Array): readonly number[] {
  return outputElements(job.spec.outputs, 'misfit', value)
}

export async function keelingAnswer(job: JobDetail, elementsOf: UnitElements): Promise<KeelingAnswer> {
  const { reduced, spec } = job
  if (reduced.kind !== 'argmin' || reduced.value === null || reduced.unit === null || reduced.index === null) {
    throw new PeerComputeError('INTERNAL', `Job ${job.id} has no minimum`)
  }
  const params = resolveParams(keelingFit, spec.params)
  const { unit, index, value } = { unit: reduced.unit, index: reduced.index, value: reduced.value }
  const months = parseMonths(await readFile(kernelFile('keeling-fit', 'data/co2-concentration.csv'), 'utf8'))
  return {
    best: { ...modelAt(params, cellOf(params, unit, index)), misfit: value, unit },
    refined: await refine(params, { unit, index }, elementsOf),
    closedForm: leastSquares(months)
  }
}

function modelRow(name: string, model: Model & { readonly misfit: number }): readonly string[] {
  const amplitude = Math.hypot(model.cosine, model.sine)
  return [name, model.trend.toFixed(4), model.curvature.toFixed(5), amplitude.toFixed(3), model.misfit.toFixed(1)]
}

export const ANSWER_HEAD = ['MODEL', 'GROWTH IN 1990, ppm/yr', 'QUADRATIC, ppm/yr²', 'ANNUAL CYCLE, ppm', 'MISFIT, ppm²'] as const

export function answerRows({ best, refined, closedForm }: KeelingAnswer): readonly (readonly string[])[] {
  return [
    modelRow(`best of the grid (unit ${best.unit})`, best),
    modelRow('refined', refined),
    modelRow('closed form, for comparison', closedForm)
  ]
}
