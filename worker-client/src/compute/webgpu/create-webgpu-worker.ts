import type { KernelRef } from '@peercompute/job-specs'
import { LanePool } from '../pool/lane-pool.ts'
import type { UnitChannel } from '../pool/unit-protocol.ts'
import type { BenchmarkStore } from '../probe/benchmark-store.ts'
import { probeGpu } from '../probe/probe-gpu.ts'
import type { GpuTask } from './gpu-task.ts'
import { WebGPUComputeWorker } from './webgpu-compute-worker.ts'

/** A cold shader compiler on a busy machine. */
const LOAD_MS = 120_000

export interface WebGPUWorkerOptions {
  readonly gpu: GPU
  /** Way to the runner: `frame.channel('gpu', '')` in a browser, `inProcessChannel(gpu, clock)` in Node. */
  readonly open: () => UnitChannel<GpuTask>
  /** Where the measured speed is kept; without it, it is measured at each start. */
  readonly benchmarks?: BenchmarkStore | undefined
  readonly admit: (kernel: KernelRef) => boolean
}

/** Null when there is no adapter. Probes the executor first (well under a second, the shader compiler apart). */
export async function createWebGPUWorker({ gpu, open, admit, benchmarks }: WebGPUWorkerOptions): Promise<WebGPUComputeWorker | null> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) return null
  const pool = new LanePool<GpuTask>({ slots: 1, open, keep: true, loadMs: LOAD_MS })
  return new WebGPUComputeWorker({ executor: { kind: 'webgpu', slots: 1, ...(await probeGpu(adapter, pool, benchmarks)) }, pool, admit })
}
