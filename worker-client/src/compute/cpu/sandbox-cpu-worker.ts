import type { SandboxFrame } from '../../sandbox/sandbox-frame.ts'
import { LanePool } from '../pool/lane-pool.ts'
import type { SlotBudget } from '../pool/slot-budget.ts'
import type { BenchmarkStore } from '../probe/benchmark-store.ts'
import { probeCpu } from '../probe/probe-cpu.ts'
import { CPUComputeWorker } from './cpu-compute-worker.ts'
import type { CpuTask } from './cpu-task.ts'

export interface SandboxCpuWorkerOptions {
  readonly kind: 'js' | 'wasm'
  readonly frame: SandboxFrame
  /** Workers at the same time, or the cores that are lent to both kinds together. */
  readonly slots: number | SlotBudget
  /** Where the measured speed is kept; without it, it is measured at each start. */
  readonly benchmarks?: BenchmarkStore | undefined
}

/** The browser's CPUComputeWorker: a fresh sandboxed worker for each slot and range, so that jobs never meet. Probes the executor first. */
export async function sandboxCpuWorker({ kind, frame, slots, benchmarks }: SandboxCpuWorkerOptions): Promise<CPUComputeWorker> {
  const pool = new LanePool<CpuTask>({
    slots,
    keep: false,
    loadMs: 30_000,
    open: ({ program }) => frame.channel('cpu', program.kind === 'js' ? program.script : '')
  })
  return new CPUComputeWorker({
    executor: { kind, slots: pool.budget.most, ...(await probeCpu(kind, pool, benchmarks)) },
    pool,
    admit: () => true
  })
}
