/**
 * Child process of check-uploads.ts: one job's WGSL in, one verdict out. Dawn's null backend has the compiler and all validation, and no
 * driver. A text may crash or stall the compiler: that ends this process alone.
 */
import { jobIdOf } from '@peercompute/job-specs'
import { create, globals } from 'webgpu'
import type { CheckRequest, WgslVerdict } from './check-uploads.ts'
import { gpuTask } from '../gpu-plan.ts'
import type { GpuTask } from '../gpu-task.ts'

const MESSAGE_MAX = 400
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ'
] as const

function unfit(code: 'KERNEL_COMPILE' | 'KERNEL_BINDING', message: string): WgslVerdict {
  return { kind: 'unfit', code, message: message.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_MAX) }
}

/** The device of every feature and limit that the null backend has: what a volunteer's lacks is found there. */
async function openDevice(gpu: GPU): Promise<GPUDevice | null> {
  const adapter = await gpu.requestAdapter()
  if (adapter === null) return null
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]))
  return adapter.requestDevice({ requiredFeatures: [...adapter.features] as GPUFeatureName[], requiredLimits })
}

async function compile(device: GPUDevice, { code, headLines, problem, passes }: GpuTask): Promise<WgslVerdict> {
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code })
  const { messages } = await module.getCompilationInfo()
  const error = messages.find(({ type }) => type === 'error')
  if (error !== undefined) {
    const { lineNum, linePos, message } = error
    const place = lineNum > headLines ? `line ${lineNum - headLines}:${linePos}: ` : ''
    return unfit('KERNEL_COMPILE', place + (message.split('\n')[0] ?? ''))
  }
  if (problem !== null) return unfit('KERNEL_BINDING', problem)
  for (const { entry } of passes) {
    try {
      await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: entry } })
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      return unfit('KERNEL_COMPILE', `entry point "${entry}": ${message.split('\n')[0] ?? ''}`)
    }
  }
  const invalid = await device.popErrorScope()
  return invalid === null ? { kind: 'fits' } : unfit('KERNEL_COMPILE', invalid.message)
}

async function verdictOn({ spec, wgsl }: CheckRequest): Promise<WgslVerdict> {
  const program = spec.kernel.wgsl
  if (program === undefined) return { kind: 'fits' }
  // Of inputs only the size counts here.
  const inputs = spec.inputs.map(({ blob }) => [blob.sha256, new Uint8Array(blob.bytes)] as const)
  const task = gpuTask({ id: jobIdOf('', spec), spec, blobs: new Map([...inputs, [program.blob.sha256, wgsl]]) })
  if ('reason' in task) return unfit('KERNEL_COMPILE', task.message)
  const gpu = create(['backend=null'])
  // Its devices end with it: it must not be collected.
  Object.assign(globalThis, { gpu })
  const device = await openDevice(gpu)
  return device === null ? { kind: 'unavailable', why: 'Dawn has no null backend here' } : compile(device, task)
}

process.once('message', (request: CheckRequest) => {
  Object.assign(globalThis, globals)
  void verdictOn(request)
    .catch((error: unknown): WgslVerdict => ({ kind: 'unavailable', why: String(error).slice(0, MESSAGE_MAX) }))
    .then((verdict) => process.send?.(verdict))
})
