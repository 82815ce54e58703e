import { availableParallelism } from 'node:os'
import type { KernelRef } from '@peercompute/job-specs'
import { LanePool } from '../pool/lane-pool.ts'
import { probeCpu } from '../probe/probe-cpu.ts'
import { CPUComputeWorker } from './cpu-compute-worker.ts'
import type { CpuTask } from './cpu-task.ts'
import { threadChannel } from './thread-channel.ts'

export interface NodeCpuWorkerOptions {
  readonly kind: 'js' | 'wasm'
  /** Threads. By default one for each core. */
  readonly slots?: number
  /** Which kernels may run: threads are no sandbox. */
  readonly admit: (kernel: KernelRef) => boolean
}

/** The headless CPUComputeWorker: a pool of threads, kept between ranges. Probes the executor first (about 0.3 s). */
export async function nodeCpuWorker({ kind, slots = availableParallelism(), admit }: NodeCpuWorkerOptions): Promise<CPUComputeWorker> {
  const pool = new LanePool<CpuTask>({ slots, open: threadChannel, keep: true, loadMs: 30_000 })
  return new CPUComputeWorker({ executor: { kind, slots, ...(await probeCpu(kind, pool)) }, pool, admit })
}
