import type { Lending } from '../compute-worker.ts'
import { LanePool } from '../pool/lane-pool.ts'
import type { UnitChannel } from '../pool/unit-protocol.ts'
import type { BenchmarkStore } from '../probe/benchmark-store.ts'
import { probeGpu } from '../probe/probe-gpu.ts'
import { adapterFacts } from './adapter-facts.ts'
import { DeviceLosses } from './device-losses.ts'
import type { GpuTask } from './gpu-task.ts'
import { WebGPUComputeWorker } from './webgpu-compute-worker.ts'

/** One program at a time, kept over jobs. Loading may meet a cold shader compiler on a busy machine. */
export const GPU_LANE = { slots: 1, keep: true, loadMs: 120_000, share: ({ gpuShare }: Lending) => gpuShare } as const

export interface WebGPUWorkerOptions {
  readonly gpu: GPU
  /** Way to the runner: `frame.channel('gpu', '')` in a browser, `inProcessChannel(gpu, clock)` in Node. */
  readonly open: () => UnitChannel<GpuTask>
  readonly benchmarks?: BenchmarkStore
}

/** Null when there is no adapter. Probes the executor first (well under a second, the shader compiler apart). */
export async function createWebGPUWorker({ gpu, open, benchmarks }: WebGPUWorkerOptions): Promise<WebGPUComputeWorker | null> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) return null
  const losses = new DeviceLosses()
  // What hangs in a browser hangs until the page is gone: the card is left alone at once.
  const onSilent = () => {
    losses.giveUp()
  }
  const pool = new LanePool<GpuTask>({ ...GPU_LANE, open, onSilent })
  return new WebGPUComputeWorker({
    executor: { kind: 'webgpu', slots: 1, ...(await probeGpu(adapterFacts(adapter), pool, benchmarks)) },
    pool,
    losses
  })
}
