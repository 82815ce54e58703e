/** Runs one job's WGSL on a device: pipelines and inputs kept, two units at a time, the second while the first is read. */
import type { UnitResult, UnitTelling } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { scoped, type PipelineCache } from './compile-kernel.ts'
import { FuelLimit } from './fuel-limit.ts'
import type { GpuTask } from './gpu-task.ts'
import { SliceBudget } from './slices.ts'
import type { SubmissionQueue } from './submission-queue.ts'
import { sharedBuffers, unitBuffers, unitBytes, type UnitBuffers } from './unit-buffers.ts'
import { UnitAttempt, type UnitContext } from './unit-attempt.ts'
import { outOfFuel } from './wgsl/fuel.ts'

/** Outputs and scratch up to this size are held twice. */
const TWICE_MAX_BYTES = 268_435_456

export interface GpuRunnerParts {
  readonly device: GPUDevice
  readonly queue: SubmissionQueue
  readonly pipelines: PipelineCache
  readonly now: () => number
}

function overLimit(device: GPUDevice, task: GpuTask): Refusal | null {
  const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  const large = task.buffers.find((buffer) => buffer.bytes > most)
  return large === undefined
    ? null
    : { reason: 'out_of_memory', message: `A buffer of the kernel has ${large.bytes} bytes, this adapter allows ${most}` }
}

/** Compiles and allocates. A refusal says why the job cannot run on this device. */
export async function gpuRunner(parts: GpuRunnerParts, task: GpuTask): Promise<GpuRunner | Refusal> {
  const { device } = parts
  const large = overLimit(device, task)
  if (large !== null) return large
  const kernel = await parts.pipelines.get(task)
  if ('reason' in kernel) return kernel
  let shared: ReadonlyMap<number, GPUBuffer> = new Map()
  const sets: UnitBuffers[] = []
  const refusal = await scoped(device, () => {
    shared = sharedBuffers(device, task)
    sets.push(unitBuffers(device, task, kernel, shared))
    return Promise.resolve(null)
  })
  // A second set is a convenience: without memory for it, units go one after the other.
  const twice = refusal === null && unitBytes(task) <= TWICE_MAX_BYTES
  const second = twice
    ? await scoped(device, () => {
        sets.push(unitBuffers(device, task, kernel, shared))
        return Promise.resolve(null)
      })
    : null
  if (second !== null) sets.pop()?.destroy()
  const budget = new SliceBudget(task.passes.length, task.fuelled)
  const runner = new GpuRunner({ device, task, kernel, budget, queue: parts.queue, now: parts.now }, sets, shared)
  if (refusal === null) return runner
  runner.destroy()
  return refusal
}

export class GpuRunner {
  readonly #context: UnitContext
  readonly #sets: readonly UnitBuffers[]
  readonly #free: UnitBuffers[]
  readonly #shared: ReadonlyMap<number, GPUBuffer>
  readonly #fuel = new FuelLimit()
  readonly #attempts = new Map<number, UnitAttempt>()
  #freed = Promise.withResolvers<null>()
  /** Resolves when the unit begun last needs the queue no more. */
  #submitted: Promise<unknown> = Promise.resolve()

  constructor(context: UnitContext, sets: readonly UnitBuffers[], shared: ReadonlyMap<number, GPUBuffer>) {
    this.#context = context
    this.#sets = sets
    this.#free = [...sets]
    this.#shared = shared
  }

  get budget(): SliceBudget {
    return this.#context.budget
  }

  /** Finished part of a unit that runs. */
  fraction(unit: number): number {
    return this.#attempts.get(unit)?.fraction ?? 0
  }

  /** Null when the device was lost or the queue has ended. */
  async run(unit: number, telling: UnitTelling): Promise<UnitResult | null> {
    const { promise, resolve } = Promise.withResolvers<null>()
    this.#submitted = promise
    const buffers = await this.#take()
    try {
      for (;;) {
        const used = this.#fuel.steps
        const attempt = new UnitAttempt(this.#context, buffers, unit, telling, used)
        this.#attempts.set(unit, attempt)
        const ended = await attempt.run(() => {
          resolve(null)
        })
        if (ended.end === 'value') return ended.value
        if (ended.end === 'refused') return ended.refusal
        if (ended.end === 'lost') return null
        if (ended.atBarrier || !this.#fuel.raise(used, ended.longestMs))
          return { reason: 'timeout', message: outOfFuel(used, ended.atBarrier) }
        this.budget.forget()
      }
    } finally {
      resolve(null)
      this.#attempts.delete(unit)
      this.#free.push(buffers)
      this.#freed.resolve(null)
      this.#freed = Promise.withResolvers()
    }
  }

  /** Settles when another unit may begin: the last one is all submitted, and buffers are free. */
  async roomAhead(): Promise<void> {
    await this.#submitted
    while (this.#free.length === 0) await this.#freed.promise
  }

  async #take(): Promise<UnitBuffers> {
    for (;;) {
      const free = this.#free.pop()
      if (free !== undefined) return free
      await this.#freed.promise
    }
  }

  /** Only when nothing runs. */
  destroy(): void {
    for (const set of this.#sets) set.destroy()
    for (const buffer of this.#shared.values()) buffer.destroy()
  }
}
