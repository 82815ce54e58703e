/** Some units of a job on the processor, in the cage of this machine. Without a cage only the reviewed kernels of `kernels/` run, in threads. */
import { isKnownKernel } from '@peercompute/kernels'
import type { LoadedJob } from '../job/load-job.ts'
import { prepare, runUnits, type UnitRuns } from './run-units.ts'

export type CpuAnswer = { readonly kind: 'ran'; readonly runs: UnitRuns } | { readonly kind: 'unavailable'; readonly why: string }

export async function runUnitsOnCpu(
  job: LoadedJob,
  kind: 'js' | 'wasm',
  units: readonly number[],
  signal: AbortSignal
): Promise<CpuAnswer> {
  const { nodeCpuWorker, openCage } = await import('@peercompute/worker-client/node')
  const cage = await openCage()
  if (cage.kind === null && !isKnownKernel(job.spec.kernel)) return { kind: 'unavailable', why: cage.why }
  try {
    const worker = await nodeCpuWorker({ kind, slots: 1, cage: cage.kind === null ? null : cage })
    return { kind: 'ran', runs: await runUnits(worker, prepare(job), units, signal) }
  } finally {
    if (cage.kind !== null) await cage.close()
  }
}
