/** Runs WGSL kernels on the GPU, one unit at a time. Where the runner lives (sandbox or this process) is the pool's matter. */
import type { Executor, KernelRef } from '@peercompute/job-specs'
import type { ComputeWorker, Lending, RunEvents, UnitRange } from '../compute-worker.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { refuseRange } from '../pool/refuse-range.ts'
import { runRange } from '../pool/run-range.ts'
import { gpuTask } from './gpu-plan.ts'
import type { GpuTask } from './gpu-task.ts'

/** The runner keeps the unit's time itself, between slices; this is for a slice that does not come back. */
const HUNG_SLICE_MS = 10_000

export interface WebGPUComputeWorkerOptions {
  readonly executor: Executor & { readonly kind: 'webgpu' }
  readonly pool: LanePool<GpuTask>
  /** Which kernels may run here. A hung kernel cannot be stopped, so the sandbox is no reason to admit all. */
  readonly admit: (kernel: KernelRef) => boolean
}

export class WebGPUComputeWorker implements ComputeWorker {
  readonly executor: Executor & { readonly kind: 'webgpu' }
  readonly unavailable = null
  readonly #pool: LanePool<GpuTask>
  readonly #admit: (kernel: KernelRef) => boolean

  constructor({ executor, pool, admit }: WebGPUComputeWorkerOptions) {
    this.executor = executor
    this.#pool = pool
    this.#admit = admit
  }

  async run(range: UnitRange, events: RunEvents, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { kernel } = range.job.spec
    if (!this.#admit(kernel)) {
      refuseRange(range, { reason: 'kernel_not_admitted', message: `The kernel "${kernel.name}" is not in the reviewed library` }, events)
      return
    }
    const task = gpuTask(range.job)
    if ('reason' in task) refuseRange(range, task, events)
    else await runRange(range, task, this.#pool, task.unitMs + HUNG_SLICE_MS, events, signal)
  }

  lend(lending: Lending): void {
    this.#pool.lend(lending)
  }

  stop(): Promise<void> {
    this.#pool.close()
    return Promise.resolve()
  }
}
