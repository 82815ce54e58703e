/** The executors of a headless host. Nothing here is a sandbox: only admitted kernels run. */
import type { KernelRef } from '@peercompute/job-specs'
import { nodeCpuWorker } from './cpu/node-cpu-worker.ts'
import { startedWorkers, type ComputeWorkers } from './started-workers.ts'
import { createWebGPUWorker } from './webgpu/create-webgpu-worker.ts'
import { inProcessChannel } from './webgpu/in-process-channel.ts'
import { nodeGpuClock } from './webgpu/node-gpu-clock.ts'

export { CPUComputeWorker, type CPUComputeWorkerOptions } from './cpu/cpu-compute-worker.ts'
export { moduleToScript } from './cpu/js-module.ts'
export { nodeCpuWorker, type NodeCpuWorkerOptions } from './cpu/node-cpu-worker.ts'
export type { ComputeWorkers } from './started-workers.ts'
export { WebGPUComputeWorker, type WebGPUComputeWorkerOptions } from './webgpu/webgpu-compute-worker.ts'

export interface NodeComputeWorkersOptions {
  /** From the npm package `webgpu`: `create([])`. Undefined without it. */
  readonly gpu: GPU | undefined
  /** Threads for each kind of CPU program. */
  readonly slots: number
  readonly admit: (kernel: KernelRef) => boolean
}

/** Starts and probes every executor that works here; `worker.executor` describes it. */
export function nodeComputeWorkers({ gpu, slots, admit }: NodeComputeWorkersOptions): Promise<ComputeWorkers> {
  return startedWorkers([
    ...(gpu === undefined ? [] : [() => createWebGPUWorker({ gpu, open: () => inProcessChannel(gpu, nodeGpuClock), admit })]),
    () => nodeCpuWorker({ kind: 'wasm', slots, admit }),
    () => nodeCpuWorker({ kind: 'js', slots, admit })
  ])
}
