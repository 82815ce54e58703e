/** Some units of a job on one executor of this machine. */
import { jobIdOf, PeerComputeError, type JobSpec } from '@peercompute/job-specs'
import type { ComputeWorker, PreparedJob, UnitOutcome } from '@peercompute/worker-client/node'
import type { LoadedJob } from '../job/load-job.ts'

export interface UnitRuns {
  /** In the order in which the units were named; ends with the first failure. */
  readonly outcomes: readonly UnitOutcome[]
  readonly numericClass: string
  /** A software adapter: WebGPU on the processor. */
  readonly software: boolean
}

const SAMPLES = 4

/** Units spread over the job: the first ones are often the easy ones. */
export function sampleUnits({ unitCount }: JobSpec): readonly number[] {
  return [...new Set(Array.from({ length: SAMPLES }, (_, index) => Math.floor((unitCount * index) / SAMPLES)))]
}

/** A checked job is run under the id that it has without an author. */
export function prepare({ spec, blobs }: LoadedJob): PreparedJob {
  return { id: jobIdOf('', spec), spec, blobs }
}

/** Stops the worker afterwards. */
export async function runUnits(worker: ComputeWorker, job: PreparedJob, units: readonly number[], signal: AbortSignal): Promise<UnitRuns> {
  const outcomes: UnitOutcome[] = []
  try {
    for (const unit of units) {
      await worker.run({ job, start: unit, count: 1 }, { outcome: (outcome) => outcomes.push(outcome) }, signal)
      const last = outcomes.at(-1)
      if (last === undefined) throw new PeerComputeError('INTERNAL', `The ${worker.executor.kind} executor gave no outcome of unit ${unit}`)
      if (!last.ok) break
    }
    const { numericClass, software } = worker.executor
    return { outcomes, numericClass, software }
  } finally {
    await worker.stop()
  }
}
