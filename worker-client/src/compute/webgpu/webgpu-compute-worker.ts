/** Runs WGSL kernels on the GPU. Where the runner lives (sandbox, child process or this process) is the pool's matter. */
import type { Executor, ReasonCode } from '@peercompute/job-specs'
import type { ComputeWorker, Lending, RunEvents, UnitRange } from '../compute-worker.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { refuseRange } from '../pool/refuse-range.ts'
import { runRange } from '../pool/run-range.ts'
import type { DeviceLosses } from './device-losses.ts'
import { GPU_GONE } from './gpu-device.ts'
import { gpuTask } from './gpu-plan.ts'
import type { GpuTask } from './gpu-task.ts'

/** The runner keeps the unit's time itself and gives a sign of life each second, so long as its dispatches come back. */
const SILENCE_MS = 10_000
/** A unit during which the device was lost this often is held to be the cause. */
const LOSSES_OF_A_UNIT = 2

export interface WebGPUComputeWorkerOptions {
  readonly executor: Executor & { readonly kind: 'webgpu' }
  readonly pool: LanePool<GpuTask>
  /** Shared with whoever hears of losses in another way. */
  readonly losses: DeviceLosses
}

/** After the second lost device in ten minutes it is `unavailable`: `run` then returns without outcomes for the units that are left. */
export class WebGPUComputeWorker implements ComputeWorker {
  readonly executor: Executor & { readonly kind: 'webgpu' }
  readonly #pool: LanePool<GpuTask>
  readonly #losses: DeviceLosses

  constructor({ executor, pool, losses }: WebGPUComputeWorkerOptions) {
    this.executor = executor
    this.#pool = pool
    this.#losses = losses
  }

  get unavailable(): ReasonCode | null {
    return this.#losses.unavailable
  }

  async run(range: UnitRange, events: RunEvents, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const task = gpuTask(range.job)
    if ('reason' in task) {
      refuseRange(range, task, events)
      return
    }
    const lost = new Map<number, number>()
    const heard: RunEvents = {
      ...events,
      outcome: (outcome) => {
        const failedByLoss = !outcome.ok && outcome.reason === 'device_lost'
        if (failedByLoss && outcome.message === GPU_GONE) {
          this.#losses.giveUp()
        } else if (failedByLoss) {
          const times = (lost.get(outcome.unit) ?? 0) + 1
          lost.set(outcome.unit, times)
          // First, so that whoever hears the outcome sees that this executor is not to be asked again.
          this.#losses.note()
          if (times === LOSSES_OF_A_UNIT) events.outcome(outcome)
        } else {
          lost.delete(outcome.unit)
          events.outcome(outcome)
        }
      }
    }
    await this.#runUntilGone(range, task, heard, signal)
    for (const [unit, times] of lost) {
      if (times < LOSSES_OF_A_UNIT) await this.#runUntilGone({ job: range.job, start: unit, count: 1 }, task, heard, signal)
    }
  }

  /** Ends early, without a throw, when the graphics card is given up. */
  async #runUntilGone(range: UnitRange, task: GpuTask, events: RunEvents, signal: AbortSignal): Promise<void> {
    const lent = AbortSignal.any([signal, this.#losses.gone])
    const ran = runRange(range, task, this.#pool, SILENCE_MS, events, lent)
    await ran.catch((error: unknown) => {
      if (signal.aborted || this.unavailable === null) throw error
    })
  }

  lend(lending: Lending): void {
    this.#pool.lend(lending)
  }

  stop(): Promise<void> {
    this.#pool.close()
    return Promise.resolve()
  }
}
