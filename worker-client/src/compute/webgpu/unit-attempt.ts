/** One try at a unit: its slices through the queue, then its outputs. Runs inside the sandbox and in Node. */
import { CHECKPOINT_EVERY_MS } from '@peercompute/job-specs/checkpoint'
import { writeLaunch } from '@peercompute/job-specs/launch'
import type { UnitTelling } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { joinOutputs } from '../pool/unit-value.ts'
import type { CompiledKernel } from './compile-kernel.ts'
import type { GpuTask } from './gpu-task.ts'
import { SliceCursor, type Slice, type SliceBudget, type SlicePosition } from './slices.ts'
import type { Receipt, Submission, SubmissionQueue } from './submission-queue.ts'
import { LAUNCH_STRIDE, padded, SLICES_MAX, USAGE, type UnitBuffers } from './unit-buffers.ts'
import { packState, stateBytes, unpackState } from './unit-state.ts'
import { FUEL_WORDS } from './wgsl/fuel.ts'

export interface UnitContext {
  readonly device: GPUDevice
  readonly task: GpuTask
  readonly kernel: CompiledKernel
  readonly queue: SubmissionQueue
  readonly budget: SliceBudget
  readonly now: () => number
}

export type AttemptEnd =
  | { readonly end: 'value'; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly end: 'refused'; readonly refusal: Refusal }
  /** A loop used its fuel up. `longestMs`: the longest dispatch. */
  | { readonly end: 'out of fuel'; readonly longestMs: number; readonly atBarrier: boolean }
  /** The device is gone, or the runner was stopped. */
  | { readonly end: 'lost' }

interface Batch {
  readonly slices: readonly Slice[]
  readonly estimateMs: number
  /** Estimate of its longest dispatch. */
  readonly longestMs: number
  /** After it. */
  readonly position: SlicePosition
  readonly fraction: number
  readonly last: boolean
  /** It holds a pass that was never measured, so nothing is known of its time. */
  readonly unmeasured: boolean
}

export class UnitAttempt {
  readonly #context: UnitContext
  readonly #buffers: UnitBuffers
  readonly #unit: number
  readonly #telling: UnitTelling
  readonly #fuel: number
  readonly #writableBytes: number
  #spentMs = 0
  #longestMs = 0
  #guard: readonly number[] = []
  #refusal: Refusal | null = null
  #lost = false
  #savedAt: number
  #saving = false
  #fraction = 0

  /** `fuel`: the limit of an invocation in one dispatch. */
  constructor(context: UnitContext, buffers: UnitBuffers, unit: number, telling: UnitTelling, fuel: number) {
    this.#context = context
    this.#buffers = buffers
    this.#unit = unit
    this.#telling = telling
    this.#fuel = fuel
    this.#savedAt = context.now()
    this.#writableBytes = buffers.writable.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get fraction(): number {
    return this.#fraction
  }

  /** `onSubmitted`: nothing more of this unit will be submitted. */
  async run(onSubmitted: () => void): Promise<AttemptEnd> {
    const { task, queue } = this.#context
    const { resume } = this.#telling
    const restored = resume === undefined ? null : await unpackState(task, this.#unit, this.#writableBytes, resume)
    const cursor = new SliceCursor(task.passes, restored?.position)
    let begin: ((encoder: GPUCommandEncoder) => void) | undefined = (encoder) => {
      this.#begin(encoder, restored?.buffers)
    }
    let settled: Promise<void> = Promise.resolve()
    while (!cursor.done && !this.#over) {
      let batch: Batch | undefined
      let state: GPUBuffer | null = null
      const submitted = await queue.next(this.#unit, () => {
        batch = takeBatch(this.#context, cursor)
        state = this.#stateDue(batch)
        const submission = this.#submission(batch, begin, state)
        begin = undefined
        return submission
      })
      if (submitted === null || batch === undefined) return { end: 'lost' }
      settled = this.#settle(batch, submitted.receipt, state)
      if (batch.unmeasured) await settled
    }
    onSubmitted()
    await settled
    this.#telling.took(this.#spentMs)
    return this.#end()
  }

  get #over(): boolean {
    return this.#lost || this.#refusal !== null || this.#ranOut
  }

  get #ranOut(): boolean {
    return this.#guard[FUEL_WORDS.ranOut] === 1
  }

  /** Outputs and scratch start as zeros, or as they were saved. */
  #begin(encoder: GPUCommandEncoder, saved: Uint8Array<ArrayBuffer> | undefined): void {
    const { device } = this.#context
    const { guard, writable } = this.#buffers
    if (guard !== null) device.queue.writeBuffer(guard, 0, new Uint32Array([this.#fuel, 0, 0, 0]))
    let offset = 0
    for (const { buffer, bytes } of writable) {
      if (saved === undefined) encoder.clearBuffer(buffer)
      else device.queue.writeBuffer(buffer, 0, saved, offset, bytes)
      offset += bytes
    }
  }

  #submission(batch: Batch, before: ((encoder: GPUCommandEncoder) => void) | undefined, state: GPUBuffer | null): Submission {
    const { staging, places, writable, guard } = this.#buffers
    return {
      estimateMs: batch.estimateMs,
      guard,
      before: (encoder) => {
        before?.(encoder)
      },
      compute: (pass) => {
        this.#dispatch(pass, batch.slices)
      },
      after: (encoder) => {
        let offset = 0
        for (const { buffer, bytes } of state === null ? [] : writable) {
          if (state !== null) encoder.copyBufferToBuffer(buffer, 0, state, offset, bytes)
          offset += bytes
        }
        for (const place of batch.last ? places : []) {
          encoder.copyBufferToBuffer(place.from, 0, staging, place.offset, padded(place.bytes))
        }
      }
    }
  }

  #dispatch(pass: GPUComputePassEncoder, slices: readonly Slice[]): void {
    const { device, task, kernel } = this.#context
    const { launch, launchGroup, kernelGroup } = this.#buffers
    const launches = new DataView(new ArrayBuffer(slices.length * LAUNCH_STRIDE))
    let set = -1
    pass.setBindGroup(1, kernelGroup)
    slices.forEach((slice, index) => {
      const plan = task.passes[slice.pass]
      const pipeline = kernel.pipelines[slice.pass]
      if (plan === undefined || pipeline === undefined) return
      const [x, y, z] = plan.workgroup
      writeLaunch(launches, index * LAUNCH_STRIDE, {
        offset: [slice.from[0] * x, slice.from[1] * y, slice.from[2] * z],
        size: plan.grid,
        passIndex: slice.pass,
        passCount: task.passes.length,
        unit: this.#unit,
        repeat: slice.repeat
      })
      if (set !== slice.pass) pass.setPipeline(pipeline)
      set = slice.pass
      pass.setBindGroup(0, launchGroup, [index * LAUNCH_STRIDE])
      pass.dispatchWorkgroups(...slice.groups)
    })
    device.queue.writeBuffer(launch, 0, launches.buffer)
  }

  async #settle(batch: Batch, receipt: Promise<Receipt | null>, state: GPUBuffer | null): Promise<void> {
    const { budget, task } = this.#context
    const got = await receipt
    if (got === null) {
      this.#lost = true
      return
    }
    budget.learn(batch.slices, got.busyMs)
    this.#guard = got.guard
    this.#spentMs += got.busyMs
    this.#longestMs = Math.max(this.#longestMs, (got.busyMs * batch.longestMs) / Math.max(batch.estimateMs, 1e-9))
    this.#refusal ??= got.complaint
    if (this.#spentMs > task.unitMs && !batch.last)
      this.#refusal ??= { reason: 'timeout', message: `The unit took longer than ${task.unitMs / 1_000} s` }
    this.#fraction = batch.fraction
    this.#telling.progress(batch.fraction)
    if (state !== null) await this.#save(state, batch.position)
  }

  /** A buffer to copy the state to, when it is time. */
  #stateDue({ last }: Batch): GPUBuffer | null {
    const { device, now } = this.#context
    const bytes = this.#writableBytes
    if (last || this.#saving || now() - this.#savedAt < CHECKPOINT_EVERY_MS || stateBytes(bytes) === null || bytes === 0) return null
    this.#saving = true
    return device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyDst })
  }

  async #save(copied: GPUBuffer, position: SlicePosition): Promise<void> {
    const { device, task, now } = this.#context
    try {
      if (this.#over || (await mapped(device, copied)) === null) return
      const state = await packState(task, this.#unit, position, new Uint8Array(copied.getMappedRange()))
      this.#telling.save(() => state)
    } finally {
      copied.destroy()
      this.#saving = false
      this.#savedAt = now()
    }
  }

  async #end(): Promise<AttemptEnd> {
    const { device, task } = this.#context
    const { staging, places } = this.#buffers
    if (this.#lost) return { end: 'lost' }
    if (this.#refusal !== null) return { end: 'refused', refusal: this.#refusal }
    if (this.#ranOut) return { end: 'out of fuel', longestMs: this.#longestMs, atBarrier: this.#guard[FUEL_WORDS.ranOutAtBarrier] === 1 }
    if ((await mapped(device, staging)) === null) return { end: 'lost' }
    const bytes = new Uint8Array(staging.getMappedRange())
    const outputs = places.map((place) => bytes.slice(place.offset, place.offset + place.bytes))
    staging.unmap()
    return {
      end: 'value',
      value: joinOutputs(
        task.outputs.map((output) => output.layout),
        outputs
      )
    }
  }
}

/** Null when the device was lost meanwhile. */
function mapped(device: GPUDevice, buffer: GPUBuffer): Promise<GPUBuffer | null> {
  const lost = device.lost.then(() => null)
  return Promise.race([buffer.mapAsync(1).then(() => buffer), lost]).catch(() => lost)
}

/** A submission may be so many times as long as is aimed at, when it then ends with a dispatch. */
const SLICE_TOLERANCE = 1.1

/** Slices that go into one submission, at least one: up to the slice time; an unmeasured pass goes alone. */
function takeBatch({ budget }: UnitContext, cursor: SliceCursor): Batch {
  const slices: Slice[] = []
  let estimateMs = 0
  let longestMs = 0
  let unmeasured = false
  while (!cursor.done && slices.length < SLICES_MAX) {
    const { pass } = cursor.position
    const alone = !budget.measured(pass)
    const restMs = cursor.left * budget.leastMs(pass)
    // A dispatch that is short by itself is not cut: its two ends would both leave parts of the card idle.
    const whole = !alone && restMs <= budget.targetMs
    const nextMs = whole ? restMs : budget.leastMs(pass)
    if (slices.length > 0 && (alone || estimateMs + nextMs > budget.targetMs * (whole ? SLICE_TOLERANCE : 1))) break
    const slice = cursor.take((of) => (whole ? cursor.left : budget.groupsWithin(of, budget.targetMs - estimateMs)))
    if (slice === undefined) break
    const each = budget.estimateMs(slice)
    slices.push(slice)
    estimateMs += each
    longestMs = Math.max(longestMs, each)
    unmeasured = alone
    if (alone) break
  }
  return { slices, estimateMs, longestMs, position: cursor.position, fraction: cursor.fraction, last: cursor.done, unmeasured }
}
