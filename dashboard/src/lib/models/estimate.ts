/** What a job will cost, as far as its specification says. */
import { unitValueBytes, type BlobRef, type JobSpec } from '@peercompute/job-specs'
import { expectedCost } from './assurance.ts'

export interface Estimate {
  readonly units: number
  /** Executions that are expected, over all units. */
  readonly computations: number
  /** Share of wrong units that is expected; null when the job's own check decides. */
  readonly error: number | null
  readonly operations: number
  /** Most that one host fetches: its program and every input. */
  readonly downloadBytes: number
  readonly outputBytes: number
}

export function estimate(spec: JobSpec): Estimate {
  const { executionsPerUnit, error } = expectedCost(spec.verification, spec.unitCount)
  const computations = spec.unitCount * executionsPerUnit
  const programs: BlobRef[] = [spec.kernel.wgsl?.blob, spec.kernel.js?.blob, spec.kernel.wasm?.blob].filter((blob) => blob !== undefined)
  return {
    units: spec.unitCount,
    computations,
    error,
    operations: computations * spec.unitOperations,
    downloadBytes: Math.max(0, ...programs.map((blob) => blob.bytes)) + spec.inputs.reduce((sum, input) => sum + input.blob.bytes, 0),
    outputBytes: spec.unitCount * unitValueBytes(spec.outputs)
  }
}
