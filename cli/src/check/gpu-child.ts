/** Child process of gpu-run.ts: one request in, one answer out. */
import { nodeComputeWorkers } from '@peercompute/worker-client/node'
import type { GpuAnswer, GpuRequest } from './gpu-run.ts'
import { prepare, runUnits } from './run-units.ts'

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function answer({ job, units }: GpuRequest): Promise<GpuAnswer> {
  const dawn = await import('webgpu').catch(() => undefined)
  if (dawn === undefined) return { kind: 'unavailable', why: 'the npm package "webgpu" is not installed' }
  Object.assign(globalThis, dawn.globals)
  const { workers, failures } = await nodeComputeWorkers({ gpu: dawn.create([]), slots: 1, admit: () => true })
  const gpu = workers.find(({ executor }) => executor.kind === 'webgpu')
  await Promise.all(workers.filter((worker) => worker !== gpu).map((worker) => worker.stop()))
  const [failure] = failures
  if (gpu === undefined) return { kind: 'unavailable', why: failure === undefined ? 'there is no WebGPU adapter' : messageOf(failure) }
  return { kind: 'ran', runs: await runUnits(gpu, prepare(job), units, new AbortController().signal) }
}

process.once('message', (request: GpuRequest) => {
  void answer(request)
    .catch((error: unknown): GpuAnswer => ({ kind: 'unavailable', why: messageOf(error) }))
    .then((message) => process.send?.(message))
})
