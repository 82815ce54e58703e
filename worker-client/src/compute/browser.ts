/** The executors of a browser tab, all inside the sandbox. */
import type { KernelRef } from '@peercompute/job-specs'
import { SandboxFrame } from '../sandbox/sandbox-frame.ts'
import { sandboxCpuWorker } from './cpu/sandbox-cpu-worker.ts'
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
  /** Removes the frames, when the workers have stopped. */
  close(): void
}

export interface BrowserComputeWorkersOptions {
  /** Address of the sandbox document: `new URL('/sandbox.html', location.href).href`. */
  readonly sandboxUrl: string
  readonly document: Document
  /** `navigator.gpu`; undefined where the browser or the origin has none. */
  readonly gpu: GPU | undefined
  /** Cores that the volunteer lends. */
  readonly slots: number
  /** Which WGSL may run. JavaScript and WASM of strangers run in the sandbox; a hung GPU kernel cannot be stopped. */
  readonly admitWgsl: (kernel: KernelRef) => boolean
}

/** Starts and probes every executor that works here; `worker.executor` describes it. One frame for job code, one for the GPU. */
export async function browserComputeWorkers({
  sandboxUrl,
  document,
  gpu,
  slots,
  admitWgsl
}: BrowserComputeWorkersOptions): Promise<BrowserComputeWorkers> {
  const jobs = new SandboxFrame({ url: sandboxUrl, document })
  const runner = new SandboxFrame({ url: sandboxUrl, document })
  const benchmarks = webBenchmarkStore(() => localStorage)
  const started = await startedWorkers([
    ...(gpu === undefined ? [] : [() => createWebGPUWorker({ gpu, benchmarks, open: () => runner.channel('gpu', ''), admit: admitWgsl })]),
    () => sandboxCpuWorker({ kind: 'wasm', frame: jobs, slots, benchmarks }),
    () => sandboxCpuWorker({ kind: 'js', frame: jobs, slots, benchmarks })
  ])
  return {
    ...started,
    close() {
      jobs.close()
      runner.close()
    }
  }
}
