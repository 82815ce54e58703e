/** One unit of a download, computed again on this machine and compared with what was settled. */
import {
  compareResults,
  equalBytes,
  kernelExecutors,
  matchesBlob,
  PeerComputeError,
  type BlobRef,
  type Comparison,
  type ContentHash,
  type ExecutorKind,
  type JobSpec
} from '@peercompute/job-specs'
import type { ReadUnit } from '@peercompute/job-specs/download'
import { isKernelName } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { runUnitsOnCpu } from '../check/cpu-run.ts'
import { runUnitsOnGpu } from '../check/gpu-run.ts'
import type { UnitRuns } from '../check/run-units.ts'

/** Where bytes are had that the library does not hold. */
export type FetchBlob = (ref: BlobRef) => Promise<Uint8Array>

export interface Rerun extends Omit<Comparison, 'agree'> {
  readonly unit: number
  readonly executor: ExecutorKind
  readonly numericClass: string
  /** Null: the job compares by a program of its own, and the bytes differ. */
  readonly agree: boolean | null
}

export interface RerunInit {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly fetchBlob: FetchBlob
}

/**
 * JavaScript and WASM run in the cage of this machine. WGSL is data, and runs in a process that can be killed.
 * Rejects with CAGE_MISSING, BLOB_NOT_FOUND, UNIT_FAILED.
 */
export async function rerun(spec: JobSpec, { receipt, value }: ReadUnit, init: RerunInit): Promise<Rerun> {
  const { unit } = receipt
  const executor = chosenExecutor(spec)
  const runs = await run(spec, executor, unit, init)
  const [outcome] = runs.outcomes
  if (!outcome?.ok)
    throw new PeerComputeError(
      'UNIT_FAILED',
      `unit ${unit} on ${executor}: ${outcome === undefined ? 'no outcome' : `${outcome.reason}: ${outcome.message}`}`
    )
  const settled = receipt.votes.find(({ verdict }) => verdict === 'canonical')
  const here = { value: outcome.value, numericClass: runs.numericClass, probeVersion: settled?.probeVersion ?? 1 }
  const there = { value, numericClass: settled?.numericClass ?? '', probeVersion: settled?.probeVersion ?? 1 }
  const about = { unit, executor, numericClass: runs.numericClass }
  const { comparator } = spec.verification
  if (comparator.kind !== 'custom') return { ...about, ...compareResults(comparator, spec.outputs, there, here) }
  const equal = equalBytes(value, outcome.value)
  const detail = equal ? 'All bytes are equal.' : 'The bytes differ, and what that means only the program of the job can say.'
  return { ...about, agree: equal ? true : null, metric: equal ? 0 : 1, bound: 0, detail }
}

/** The processor where the job has a program for it: it is there on every machine. */
function chosenExecutor({ kernel }: JobSpec): ExecutorKind {
  return kernelExecutors(kernel).find((kind) => kind !== 'webgpu') ?? 'webgpu'
}

async function run(spec: JobSpec, executor: ExecutorKind, unit: number, { env, signal, fetchBlob }: RerunInit): Promise<UnitRuns> {
  const job = { spec, blobs: await blobsOf(spec, executor, fetchBlob), source: spec.name }
  const answer = executor === 'webgpu' ? await runUnitsOnGpu(job, [unit], env, signal) : await runUnitsOnCpu(job, executor, [unit], signal)
  if (answer.kind === 'ran') return answer.runs
  throw new PeerComputeError(executor === 'webgpu' ? 'UNIT_FAILED' : 'CAGE_MISSING', `unit ${unit} on ${executor}: ${answer.why}`)
}

/** Program and inputs: from the library where it has them, so that nothing is asked for over the network. */
async function blobsOf(spec: JobSpec, executor: ExecutorKind, fetchBlob: FetchBlob): Promise<Map<ContentHash, Uint8Array>> {
  const { name, wgsl, wasm, js } = spec.kernel
  const program = { webgpu: wgsl, wasm, js }[executor]?.blob
  const library = isKernelName(name) ? (await loadKernel(name)).blobs : new Map<ContentHash, Uint8Array>()
  const blobs = new Map<ContentHash, Uint8Array>()
  for (const ref of [program, ...spec.inputs.map(({ blob }) => blob)]) {
    if (ref === undefined) continue
    const bytes = library.get(ref.sha256) ?? (await fetchBlob(ref))
    if (!matchesBlob(ref, bytes)) throw new PeerComputeError('BLOB_MISMATCH', `what came for ${ref.sha256} has another hash`)
    blobs.set(ref.sha256, bytes)
  }
  return blobs
}
