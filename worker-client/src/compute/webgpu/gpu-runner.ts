/** Runs one job's WGSL on a device: compiled once, buffers kept, each unit cut into slices. Runs inside the sandbox and in Node. */
import { LAUNCH_BYTES, writeLaunch } from '@peercompute/job-specs/launch'
import type { Refusal } from '../pool/unit-protocol.ts'
import { joinOutputs, layoutBytes } from '../pool/unit-value.ts'
import type { GpuTask } from './gpu-task.ts'
import { SLICE_TARGET_MS, SliceBudget, slicesOf, type Slice } from './slices.ts'

/** Dispatches in one submission, each with its own launch uniform at the alignment that every adapter accepts. */
const SLICES_MAX = 64
const LAUNCH_STRIDE = 256
/** Values of WebGPU's flag constants, which Node has not as globals. */
const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const
const COMPUTE_STAGE = 4
const MAP_READ = 1
const MESSAGES_MAX = 5

export interface GpuClock {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Called before each wait with the expected milliseconds, so that a host whose waiting is expensive can sleep first. */
  readonly beforeWait: (expectedMs: number) => Promise<void>
}

export interface GpuRunner {
  /** `stopped` is asked between slices. */
  run(unit: number, stopped: () => boolean): Promise<Uint8Array<ArrayBuffer> | Refusal>
  destroy(): void
}

/** Error lines count in the researcher's own text. */
function compilerText(messages: readonly GPUCompilationMessage[], headLines: number): string {
  return messages
    .slice(0, MESSAGES_MAX)
    .map(({ lineNum, linePos, message }) => (lineNum > headLines ? `line ${lineNum - headLines}:${linePos}: ${message}` : message))
    .join('\n')
}

async function compile(device: GPUDevice, task: GpuTask): Promise<GPUShaderModule | Refusal> {
  const module = device.createShaderModule({ code: task.code })
  const { messages } = await module.getCompilationInfo()
  const errors = messages.filter((message) => message.type === 'error')
  if (errors.length > 0) return { reason: 'compile_error', message: compilerText(errors, task.headLines) }
  return task.problem === null ? module : { reason: 'compile_error', message: task.problem }
}

function overLimit(device: GPUDevice, task: GpuTask): Refusal | null {
  const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  const large = task.buffers.find((buffer) => buffer.bytes > most)
  return large === undefined
    ? null
    : { reason: 'out_of_memory', message: `A buffer of the kernel has ${large.bytes} bytes, this adapter allows ${most}` }
}

/** Does `work` and returns its refusal, or the device's complaint, or null. */
async function scoped(device: GPUDevice, work: () => Promise<Refusal | null>): Promise<Refusal | null> {
  device.pushErrorScope('out-of-memory')
  device.pushErrorScope('validation')
  const refusal = await work()
  const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()])
  if (memory !== null) return { reason: 'out_of_memory', message: memory.message }
  return refusal ?? (invalid === null ? null : { reason: 'compile_error', message: invalid.message })
}

/** Compiles and allocates. A refusal says why the job cannot run on this device. */
export async function gpuRunner(device: GPUDevice, task: GpuTask, clock: GpuClock): Promise<GpuRunner | Refusal> {
  const large = overLimit(device, task)
  if (large !== null) return large
  const made: GPUBuffer[] = []
  let parts: Parts | undefined
  const refusal = await scoped(device, async () => {
    const module = await compile(device, task)
    if ('reason' in module) return module
    try {
      parts = await prepare(device, task, module, made)
      return null
    } catch (error) {
      return { reason: 'compile_error', message: error instanceof Error ? error.message : String(error) }
    }
  })
  const destroy = () => {
    for (const buffer of made) buffer.destroy()
  }
  if (parts === undefined || refusal !== null) {
    destroy()
    return refusal ?? { reason: 'compile_error', message: 'The device made no pipeline' }
  }
  const ready = parts
  const budget = new SliceBudget(task.passes.length)
  return { destroy, run: (unit, stopped) => runUnit(device, task, ready, budget, clock, unit, stopped) }
}

interface Parts {
  readonly pipelines: readonly GPUComputePipeline[]
  readonly launch: GPUBuffer
  readonly launchGroup: GPUBindGroup
  readonly kernelGroup: GPUBindGroup
  readonly buffers: ReadonlyMap<number, GPUBuffer>
  readonly staging: GPUBuffer
}

async function prepare(device: GPUDevice, task: GpuTask, module: GPUShaderModule, made: GPUBuffer[]): Promise<Parts> {
  function buffer(size: number, usage: number): GPUBuffer {
    const created = device.createBuffer({ size, usage })
    made.push(created)
    return created
  }
  const launchLayout = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: COMPUTE_STAGE, buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: LAUNCH_BYTES } }]
  })
  const kernelLayout = device.createBindGroupLayout({
    entries: task.buffers.map(({ binding, access }) => ({ binding, visibility: COMPUTE_STAGE, buffer: { type: access } }))
  })
  const layout = device.createPipelineLayout({ bindGroupLayouts: [launchLayout, kernelLayout] })
  const pipelines = await Promise.all(
    task.passes.map(({ entry }) => device.createComputePipelineAsync({ layout, compute: { module, entryPoint: entry } }))
  )

  const buffers = new Map<number, GPUBuffer>()
  for (const { binding, access, bytes, data } of task.buffers) {
    const created = buffer(bytes, (access === 'uniform' ? USAGE.uniform : USAGE.storage) | USAGE.copyDst | USAGE.copySrc)
    if (data !== null) device.queue.writeBuffer(created, 0, data)
    buffers.set(binding, created)
  }
  const launch = buffer(SLICES_MAX * LAUNCH_STRIDE, USAGE.uniform | USAGE.copyDst)
  const staging = buffer(
    task.outputs.reduce((sum, output) => sum + padded(layoutBytes(output.layout)), 0),
    USAGE.mapRead | USAGE.copyDst
  )
  return {
    pipelines,
    launch,
    buffers,
    staging,
    launchGroup: device.createBindGroup({
      layout: launchLayout,
      entries: [{ binding: 0, resource: { buffer: launch, size: LAUNCH_BYTES } }]
    }),
    kernelGroup: device.createBindGroup({
      layout: kernelLayout,
      entries: [...buffers].map(([binding, resource]) => ({ binding, resource: { buffer: resource } }))
    })
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/** Slices that go into one submission, at least one: up to the target time; an unmeasured pass goes alone. */
function* batchesOf(task: GpuTask, budget: SliceBudget): Generator<Slice[], void, undefined> {
  let batch: Slice[] = []
  let expected = 0
  for (const slice of slicesOf(task.passes, (pass) => budget.groupsAtMost(pass))) {
    const alone = !budget.measured(slice.pass)
    if (batch.length > 0 && (alone || batch.length === SLICES_MAX || expected + budget.estimateMs(slice) > SLICE_TARGET_MS)) {
      yield batch
      batch = []
      expected = 0
    }
    batch.push(slice)
    expected += alone ? SLICE_TARGET_MS : budget.estimateMs(slice)
  }
  if (batch.length > 0) yield batch
}

function encodeSlices(
  encoder: GPUCommandEncoder,
  device: GPUDevice,
  task: GpuTask,
  parts: Parts,
  unit: number,
  batch: readonly Slice[]
): void {
  const launches = new DataView(new ArrayBuffer(batch.length * LAUNCH_STRIDE))
  const pass = encoder.beginComputePass()
  pass.setBindGroup(1, parts.kernelGroup)
  batch.forEach((slice, index) => {
    const plan = task.passes[slice.pass]
    const pipeline = parts.pipelines[slice.pass]
    if (plan === undefined || pipeline === undefined) return
    const [x, y, z] = plan.workgroup
    writeLaunch(launches, index * LAUNCH_STRIDE, {
      offset: [slice.from[0] * x, slice.from[1] * y, slice.from[2] * z],
      size: plan.grid,
      passIndex: slice.pass,
      passCount: task.passes.length,
      unit,
      repeat: slice.repeat
    })
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, parts.launchGroup, [index * LAUNCH_STRIDE])
    pass.dispatchWorkgroups(...slice.groups)
  })
  pass.end()
  device.queue.writeBuffer(parts.launch, 0, launches.buffer)
}

async function runUnit(
  device: GPUDevice,
  task: GpuTask,
  parts: Parts,
  budget: SliceBudget,
  clock: GpuClock,
  unit: number,
  stopped: () => boolean
): Promise<Uint8Array<ArrayBuffer> | Refusal> {
  const started = clock.now()
  let value: Uint8Array<ArrayBuffer> | undefined
  const refusal = await scoped(device, async () => {
    let encoder = device.createCommandEncoder()
    for (const { binding, data } of task.buffers) {
      const buffer = parts.buffers.get(binding)
      if (data === null && buffer !== undefined) encoder.clearBuffer(buffer)
    }
    for (const batch of batchesOf(task, budget)) {
      if (stopped()) return { reason: 'cancelled', message: 'The unit was stopped' }
      if (clock.now() - started > task.unitMs) return { reason: 'timeout', message: `The unit took longer than ${task.unitMs / 1_000} s` }
      encodeSlices(encoder, device, task, parts, unit, batch)
      const submitted = clock.now()
      device.queue.submit([encoder.finish()])
      await clock.beforeWait(batch.reduce((sum, slice) => sum + budget.estimateMs(slice), 0))
      await device.queue.onSubmittedWorkDone()
      budget.learn(batch, clock.now() - submitted)
      encoder = device.createCommandEncoder()
    }
    value = await readBack(device, task, parts, encoder)
    return null
  })
  if (refusal !== null) return refusal.reason === 'compile_error' ? { reason: 'runtime_error', message: refusal.message } : refusal
  return value ?? { reason: 'runtime_error', message: 'The device returned nothing' }
}

async function readBack(device: GPUDevice, task: GpuTask, parts: Parts, encoder: GPUCommandEncoder): Promise<Uint8Array<ArrayBuffer>> {
  let offset = 0
  const places: { from: number; bytes: number }[] = []
  for (const { binding, layout } of task.outputs) {
    const bytes = layoutBytes(layout)
    const buffer = parts.buffers.get(binding)
    if (buffer !== undefined) encoder.copyBufferToBuffer(buffer, 0, parts.staging, offset, padded(bytes))
    places.push({ from: offset, bytes })
    offset += padded(bytes)
  }
  device.queue.submit([encoder.finish()])
  await parts.staging.mapAsync(MAP_READ)
  const mapped = new Uint8Array(parts.staging.getMappedRange())
  const outputs = places.map(({ from, bytes }) => mapped.slice(from, from + bytes))
  parts.staging.unmap()
  return joinOutputs(
    task.outputs.map((output) => output.layout),
    outputs
  )
}
