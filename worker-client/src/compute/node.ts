/** The executors of a headless host. */
import type { CagePool } from '../cage/cage-pool.ts'
import type { ComputeWorker } from './compute-worker.ts'
import { nodeCpuWorker } from './cpu/node-cpu-worker.ts'
import type { SlotBudget } from './pool/slot-budget.ts'
import type { BenchmarkStore } from './probe/benchmark-store.ts'
import { startedWorkers, type ComputeWorkers } from './started-workers.ts'

export type { CageKind } from '../cage/cage.ts'
export type { CagePool } from '../cage/cage-pool.ts'
export { openCage, type NoCage } from '../cage/open-cage.ts'
export { CPUComputeWorker, type CPUComputeWorkerOptions } from './cpu/cpu-compute-worker.ts'
export { moduleToScript } from './cpu/js-module.ts'
export { nodeCpuWorker, type NodeCpuWorkerOptions } from './cpu/node-cpu-worker.ts'
export { SlotBudget } from './pool/slot-budget.ts'
export { wasiCallOf, type WasiCall } from './cpu/wasi-call.ts'
export type { ComputeWorkers } from './started-workers.ts'
export { headlessGpuWorker, type HeadlessGpuOptions } from './webgpu/headless/headless-gpu-worker.ts'
export { WebGPUComputeWorker, type WebGPUComputeWorkerOptions } from './webgpu/webgpu-compute-worker.ts'

export interface NodeComputeWorkersOptions {
  /** For example `headlessGpuWorker`. Null: no graphics card is lent. */
  readonly gpu: (() => Promise<ComputeWorker | null>) | null
  /** CPU programs at the same time: for each of the two kinds, or a budget for both together. */
  readonly slots: number | SlotBudget
  /** Null: only the reviewed kernels of `kernels/` run on the CPU, in threads. Close it when the workers have stopped. */
  readonly cage: CagePool | null
  readonly benchmarks?: BenchmarkStore
}

/** Starts and probes every executor that works here; `worker.executor` describes it. */
export function nodeComputeWorkers({ gpu, ...cpu }: NodeComputeWorkersOptions): Promise<ComputeWorkers> {
  return startedWorkers([
    ...(gpu === null ? [] : [gpu]),
    () => nodeCpuWorker({ kind: 'wasm', ...cpu }),
    () => nodeCpuWorker({ kind: 'js', ...cpu })
  ])
}
