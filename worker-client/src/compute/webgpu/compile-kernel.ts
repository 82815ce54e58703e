/** From WGSL to pipelines, kept over jobs. Runs inside the sandbox and in Node. */
import { GUARD_BINDING, GUARD_BYTES, LAUNCH_BINDING, LAUNCH_BYTES } from '@peercompute/job-specs/launch'
import type { Refusal } from '../pool/unit-protocol.ts'
import type { GpuTask } from './gpu-task.ts'

const COMPUTE_STAGE = 4
const MESSAGES_MAX = 5
const KEPT_MAX = 16

export interface CompiledKernel {
  /** One for each pass. */
  readonly pipelines: readonly GPUComputePipeline[]
  readonly launchLayout: GPUBindGroupLayout
  readonly kernelLayout: GPUBindGroupLayout
}

/** Does `work` and returns its refusal, or the device's complaint, or null. Nothing else may be asked of the device meanwhile. */
export async function scoped(device: GPUDevice, work: () => Promise<Refusal | null>): Promise<Refusal | null> {
  device.pushErrorScope('out-of-memory')
  device.pushErrorScope('validation')
  const refusal = await work()
  const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()])
  if (memory !== null) return { reason: 'out_of_memory', message: memory.message }
  return refusal ?? (invalid === null ? null : { reason: 'compile_error', message: invalid.message })
}

/** Error lines count in the researcher's own text. */
function compilerText(messages: readonly GPUCompilationMessage[], headLines: number): string {
  return messages
    .slice(0, MESSAGES_MAX)
    .map(({ lineNum, linePos, message }) => (lineNum > headLines ? `line ${lineNum - headLines}:${linePos}: ${message}` : message))
    .join('\n')
}

async function compile(device: GPUDevice, task: GpuTask): Promise<CompiledKernel | Refusal> {
  const module = device.createShaderModule({ code: task.code })
  const { messages } = await module.getCompilationInfo()
  const errors = messages.filter((message) => message.type === 'error')
  if (errors.length > 0) return { reason: 'compile_error', message: compilerText(errors, task.headLines) }
  if (task.problem !== null) return { reason: 'compile_error', message: task.problem }
  const launchLayout = device.createBindGroupLayout({
    entries: [
      {
        binding: LAUNCH_BINDING,
        visibility: COMPUTE_STAGE,
        buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: LAUNCH_BYTES }
      },
      ...(task.fuelled
        ? [{ binding: GUARD_BINDING, visibility: COMPUTE_STAGE, buffer: { type: 'storage' as const, minBindingSize: GUARD_BYTES } }]
        : [])
    ]
  })
  const kernelLayout = device.createBindGroupLayout({
    entries: task.buffers.map(({ binding, access }) => ({ binding, visibility: COMPUTE_STAGE, buffer: { type: access } }))
  })
  const layout = device.createPipelineLayout({ bindGroupLayouts: [launchLayout, kernelLayout] })
  const pipelines = await Promise.all(
    task.passes.map(({ entry }) => device.createComputePipelineAsync({ layout, compute: { module, entryPoint: entry } }))
  )
  return { pipelines, launchLayout, kernelLayout }
}

/** Pipelines of the jobs run last on one device, so that changing between them compiles nothing again. */
export class PipelineCache {
  readonly #device: GPUDevice
  readonly #kept = new Map<string, CompiledKernel>()

  constructor(device: GPUDevice) {
    this.#device = device
  }

  /** A refusal says why the job cannot run on this device. */
  async get(task: GpuTask): Promise<CompiledKernel | Refusal> {
    const key = JSON.stringify([
      task.code,
      task.problem,
      task.passes.map(({ entry }) => entry),
      task.buffers.map((one) => [one.binding, one.access])
    ])
    const known = this.#kept.get(key)
    if (known !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, known)
      return known
    }
    let made: CompiledKernel | Refusal = { reason: 'compile_error', message: 'The device made no pipeline' }
    const complaint = await scoped(this.#device, async () => {
      try {
        made = await compile(this.#device, task)
      } catch (error) {
        made = { reason: 'compile_error', message: error instanceof Error ? error.message : String(error) }
      }
      return 'reason' in made ? made : null
    })
    if (complaint !== null) return complaint
    if ('reason' in made) return made
    this.#keep(key, made)
    return made
  }

  #keep(key: string, made: CompiledKernel): void {
    this.#kept.set(key, made)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest)
  }
}
