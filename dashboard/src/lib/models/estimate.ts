/** What a job will cost, as far as its specification says. */
import { leastResults, unitValueBytes, type BlobRef, type JobSpec } from '@peercompute/job-specs'

export interface Estimate {
  readonly units: number
  /** Computations that are needed when nobody fails or disagrees. */
  readonly computations: number
  readonly operations: number
  /** Most that one host fetches: its program and every input. */
  readonly downloadBytes: number
  readonly outputBytes: number
}

export function estimate(spec: JobSpec): Estimate {
  const computations = spec.unitCount * leastResults(spec.verification)
  const programs: BlobRef[] = [spec.kernel.wgsl?.blob, spec.kernel.js?.blob, spec.kernel.wasm?.blob].filter((blob) => blob !== undefined)
  return {
    units: spec.unitCount,
    computations,
    operations: computations * spec.unitOperations,
    downloadBytes: Math.max(0, ...programs.map((blob) => blob.bytes)) + spec.inputs.reduce((sum, input) => sum + input.blob.bytes, 0),
    outputBytes: spec.unitCount * unitValueBytes(spec.outputs)
  }
}
