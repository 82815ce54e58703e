/** Runs JavaScript or WASM kernels on the processor's cores. Where the programs live (sandbox or threads) is the pool's matter. */
import type { Executor, KernelRef } from '@peercompute/job-specs'
import type { ComputeWorker, Lending, RunEvents, UnitRange } from '../compute-worker.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { refuseRange } from '../pool/refuse-range.ts'
import { runRange } from '../pool/run-range.ts'
import { cpuTask, type CpuTask } from './cpu-task.ts'

export interface CPUComputeWorkerOptions {
  readonly executor: Executor & { readonly kind: 'js' | 'wasm' }
  readonly pool: LanePool<CpuTask>
  /** Which kernels may run here. A sandbox admits all. */
  readonly admit: (kernel: KernelRef) => boolean
}

export class CPUComputeWorker implements ComputeWorker {
  readonly executor: Executor & { readonly kind: 'js' | 'wasm' }
  readonly unavailable = null
  readonly #pool: LanePool<CpuTask>
  readonly #admit: (kernel: KernelRef) => boolean

  constructor({ executor, pool, admit }: CPUComputeWorkerOptions) {
    this.executor = executor
    this.#pool = pool
    this.#admit = admit
  }

  async run(range: UnitRange, events: RunEvents, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { kernel, limits } = range.job.spec
    if (!this.#admit(kernel)) {
      refuseRange(range, { reason: 'kernel_not_admitted', message: `The kernel "${kernel.name}" is not in the reviewed library` }, events)
      return
    }
    const task = cpuTask(range.job, this.executor.kind)
    if ('reason' in task) refuseRange(range, task, events)
    else await runRange(range, task, this.#pool, limits.unitSeconds * 1_000, events, signal)
  }

  lend(lending: Lending): void {
    this.#pool.lend(lending)
  }

  stop(): Promise<void> {
    this.#pool.close()
    return Promise.resolve()
  }
}
