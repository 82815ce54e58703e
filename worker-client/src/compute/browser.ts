/** The executors of a browser tab, all inside the sandbox. */
import { SandboxFrame } from '../sandbox/sandbox-frame.ts'
import { sandboxCpuWorker } from './cpu/sandbox-cpu-worker.ts'
import { SlotBudget } from './pool/slot-budget.ts'
import { webBenchmarkStore } from './probe/web-benchmark-store.ts'
import { startedWorkers, type ComputeWorkers } from './started-workers.ts'
import { createWebGPUWorker } from './webgpu/create-webgpu-worker.ts'

export { SandboxFrame, type SandboxFrameOptions } from '../sandbox/sandbox-frame.ts'
export { CPUComputeWorker, type CPUComputeWorkerOptions } from './cpu/cpu-compute-worker.ts'
export { sandboxCpuWorker, type SandboxCpuWorkerOptions } from './cpu/sandbox-cpu-worker.ts'
export type { ComputeWorkers } from './started-workers.ts'
export { createWebGPUWorker, type WebGPUWorkerOptions } from './webgpu/create-webgpu-worker.ts'
export { WebGPUComputeWorker, type WebGPUComputeWorkerOptions } from './webgpu/webgpu-compute-worker.ts'

export interface BrowserComputeWorkers extends ComputeWorkers {
  /** Removes the frame, when the workers have stopped. */
  close(): void
}

export interface BrowserComputeWorkersOptions {
  /** Address of the sandbox document: `new URL('/sandbox.html', location.href).href`. */
  readonly sandboxUrl: string
  readonly document: Document
  /** `navigator.gpu`; undefined where the browser or the origin has none. */
  readonly gpu: GPU | undefined
  /** Cores that may be lent, to JavaScript and WASM together: who has work takes what the other leaves. */
  readonly slots: number
}

/**
 * Starts and probes every executor that works here; `worker.executor` describes it. All share a frame: browsers give the frames of one
 * site one process anyway, and only the end of that process stops a loop at once.
 */
export async function browserComputeWorkers({
  sandboxUrl,
  document,
  gpu,
  slots
}: BrowserComputeWorkersOptions): Promise<BrowserComputeWorkers> {
  const frame = new SandboxFrame({ url: sandboxUrl, document })
  const cores = new SlotBudget(slots)
  const benchmarks = webBenchmarkStore(() => localStorage)
  const started = await startedWorkers([
    ...(gpu === undefined ? [] : [() => createWebGPUWorker({ gpu, benchmarks, open: () => frame.channel('gpu', '') })]),
    () => sandboxCpuWorker({ kind: 'wasm', frame, slots: cores, benchmarks }),
    () => sandboxCpuWorker({ kind: 'js', frame, slots: cores, benchmarks })
  ])
  return {
    ...started,
    close() {
      frame.close()
    }
  }
}
