import { availableParallelism } from 'node:os'
import { isKnownKernel } from '@peercompute/kernels'
import type { CagePool } from '../../cage/cage-pool.ts'
import { LanePool } from '../pool/lane-pool.ts'
import type { SlotBudget } from '../pool/slot-budget.ts'
import type { BenchmarkStore } from '../probe/benchmark-store.ts'
import { probeCpu } from '../probe/probe-cpu.ts'
import { CPUComputeWorker } from './cpu-compute-worker.ts'
import type { CpuTask } from './cpu-task.ts'
import { threadChannel } from './thread-channel.ts'

export interface NodeCpuWorkerOptions {
  readonly kind: 'js' | 'wasm'
  /** Programs at the same time, or the cores that are lent to both kinds together. By default one for each core. */
  readonly slots?: number | SlotBudget
  /** Where programs run. Null: in threads, which are no sandbox, so that only the reviewed kernels of `kernels/` run. */
  readonly cage: CagePool | null
  /** Where the measured speed is kept; without it, it is measured at each start. */
  readonly benchmarks?: BenchmarkStore
}

/** The headless CPUComputeWorker. In a cage a fresh program for each slot and range, so that jobs never meet. Probes the executor first. */
export async function nodeCpuWorker({
  kind,
  slots = availableParallelism(),
  cage,
  benchmarks
}: NodeCpuWorkerOptions): Promise<CPUComputeWorker> {
  const pool = new LanePool<CpuTask>({
    slots,
    loadMs: 30_000,
    ...(cage === null ? { keep: true, open: threadChannel } : { keep: false, open: (task) => cage.channel(task) })
  })
  return new CPUComputeWorker({
    executor: { kind, slots: pool.budget.most, ...(await probeCpu(kind, pool, benchmarks)) },
    pool,
    admit: cage === null ? isKnownKernel : () => true
  })
}
