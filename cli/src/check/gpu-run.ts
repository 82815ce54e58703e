/** Some units through WebGPU, by the runner that headless volunteers use: in a process of its own, which is killed at the end. */
import type { LoadedJob } from '../job/load-job.ts'
import { prepare, runUnits, type UnitRuns } from './run-units.ts'

export type GpuAnswer = { readonly kind: 'ran'; readonly runs: UnitRuns } | { readonly kind: 'unavailable'; readonly why: string }

/** Chromium's software adapter will do: the results count here, not the speed. */
export async function runUnitsOnGpu(
  job: LoadedJob,
  units: readonly number[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal
): Promise<GpuAnswer> {
  const { headlessGpuWorker } = await import('@peercompute/worker-client/node')
  let why = ''
  const onAbsent = (reason: string): void => {
    why = reason
  }
  try {
    const worker = await headlessGpuWorker({ env, software: true, onAbsent })
    return worker === null ? { kind: 'unavailable', why } : { kind: 'ran', runs: await runUnits(worker, prepare(job), units, signal) }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'unavailable', why: `WebGPU was stopped: ${error instanceof Error ? error.message : String(error)}` }
  }
}
