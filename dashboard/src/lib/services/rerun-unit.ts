/** One unit of a download, computed again in this tab: in the sandbox, with the executors that volunteers use. */
import {
  compareResults,
  equalBytes,
  kernelExecutors,
  matchesBlob,
  PeerComputeError,
  type BlobRef,
  type ContentHash,
  type ExecutorKind,
  type JobId,
  type JobSpec
} from '@peercompute/job-specs'
import type { ReadUnit } from '@peercompute/job-specs/download'
import type { ComputeWorker } from '@peercompute/worker-client'
import type { RerunValues } from '../models/verify.ts'
import { blobPath } from './api.ts'
import { send } from './http.ts'

/** More than a sandbox takes to start. */
const START_MS = 30_000

/** Rejects with UNIT_FAILED when nothing here can run it, BLOB_NOT_FOUND, BLOB_MISMATCH, and with the signal's reason. */
export async function rerunUnit(job: JobId, spec: JobSpec, { receipt, value }: ReadUnit, signal: AbortSignal): Promise<RerunValues> {
  const { browserComputeWorkers } = await import('@peercompute/worker-client/browser')
  const started = await browserComputeWorkers({
    sandboxUrl: new URL('/sandbox.html', location.origin).href,
    document,
    gpu: graphics(navigator),
    slots: 1
  })
  try {
    const worker = chosen(started.workers, spec)
    const { kind, numericClass, probeVersion } = worker.executor
    const prepared = { id: job, spec, blobs: await blobsOf(spec, kind, signal) }
    const { unit } = receipt
    const ended = AbortSignal.any([signal, AbortSignal.timeout(START_MS + spec.limits.unitSeconds * 1_000)])
    const begun = performance.now()
    const here = await new Promise<Uint8Array>((resolve, reject) => {
      worker
        .run(
          { job: prepared, start: unit, count: 1 },
          {
            outcome(outcome) {
              if (outcome.ok) resolve(outcome.value)
              else reject(new PeerComputeError('UNIT_FAILED', `unit ${unit} on ${kind}: ${outcome.reason}: ${outcome.message}`))
            }
          },
          ended
        )
        .catch(reject)
    })
    const ms = performance.now() - begun
    const settled = receipt.votes.find(({ verdict }) => verdict === 'canonical')
    const there = { value, numericClass: settled?.numericClass ?? '', probeVersion: settled?.probeVersion ?? probeVersion }
    const { comparator } = spec.verification
    const comparison =
      comparator.kind === 'custom'
        ? equalBytes(value, here)
          ? { agree: true, metric: 0, bound: 0, detail: 'All bytes are equal.' }
          : null
        : compareResults(comparator, spec.outputs, there, { value: here, numericClass, probeVersion })
    return { unit, executor: kind, numericClass, there: value, here, ms, comparison }
  } finally {
    await Promise.all(started.workers.map((worker) => worker.stop()))
    started.close()
  }
}

/** The graphics card where there is one, else the processor. */
function chosen(workers: readonly ComputeWorker[], { kernel }: JobSpec): ComputeWorker {
  const worker = kernelExecutors(kernel)
    .map((kind) => workers.find(({ executor }) => executor.kind === kind))
    .find((found) => found !== undefined)
  if (worker === undefined)
    throw new PeerComputeError(
      'UNIT_FAILED',
      `this browser has no executor for "${kernel.name}", which is for ${kernelExecutors(kernel).join(', ')}`
    )
  return worker
}

async function blobsOf({ kernel, inputs }: JobSpec, kind: ExecutorKind, signal: AbortSignal): Promise<Map<ContentHash, Uint8Array>> {
  const program = { webgpu: kernel.wgsl, wasm: kernel.wasm, js: kernel.js }[kind]?.blob
  const refs = [program, ...inputs.map(({ blob }) => blob)].filter((ref): ref is BlobRef => ref !== undefined)
  return new Map(await Promise.all(refs.map(async (ref) => [ref.sha256, await blobOf(ref, signal)] as const)))
}

async function blobOf(ref: BlobRef, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = new Uint8Array(await (await send(blobPath(ref.sha256), { signal })).arrayBuffer())
  if (!matchesBlob(ref, bytes)) throw new PeerComputeError('BLOB_MISMATCH', `what came for ${ref.sha256} has another hash`)
  return bytes
}

/** Firefox and older browsers have none, whatever the types say. */
function graphics(navigator: Navigator & { readonly gpu?: GPU }): GPU | undefined {
  return navigator.gpu
}
