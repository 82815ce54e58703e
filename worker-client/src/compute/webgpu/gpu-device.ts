/** Opens devices with what a job asks for. Runs inside the sandbox and in Node. */
import type { Refusal } from '../pool/unit-protocol.ts'
import type { GpuTask } from './gpu-task.ts'

/** Limits that a kernel may use as far as the adapter goes; WebGPU's defaults are far below it. */
export const RAISED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ'
] as const

/** Said when no device can be had any more: not the fault of the unit that meets it. */
export const GPU_GONE = 'The graphics card stopped answering'

export interface OpenDevice {
  readonly device: GPUDevice
  /** Whether the device can time its own work. */
  readonly timestamps: boolean
}

function missing(adapter: GPUAdapter, { features, limits }: GpuTask): Refusal | null {
  const feature = features.find((name) => !adapter.features.has(name))
  if (feature !== undefined)
    return { reason: 'compile_error', message: `The job needs the WebGPU feature "${feature}", which this adapter lacks` }
  for (const [name, wanted] of Object.entries(limits)) {
    const offered: unknown = Reflect.get(adapter.limits, name)
    if (typeof offered !== 'number')
      return { reason: 'compile_error', message: `The job needs the limit "${name}", which this adapter does not know` }
    if (name.startsWith('min') ? offered > wanted : offered < wanted)
      return { reason: 'compile_error', message: `The job needs ${name} ${wanted}, this adapter allows ${offered}` }
  }
  return null
}

/** The refusal says what the adapter lacks, or GPU_GONE. */
export async function openDevice(gpu: GPU | undefined, task: GpuTask): Promise<OpenDevice | Refusal> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null || adapter === undefined) return { reason: 'device_lost', message: GPU_GONE }
  const lacking = missing(adapter, task)
  if (lacking !== null) return lacking
  const timestamps = adapter.features.has('timestamp-query')
  const device = await adapter.requestDevice({
    requiredFeatures: [...new Set([...task.features, ...(timestamps ? ['timestamp-query'] : [])])] as GPUFeatureName[],
    requiredLimits: { ...Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]])), ...raisedBeyond(adapter, task) }
  })
  return { device, timestamps }
}

/** Limits that only this job asks for. */
function raisedBeyond(adapter: GPUAdapter, { limits }: GpuTask): Record<string, number> {
  const known: readonly string[] = RAISED_LIMITS
  return Object.fromEntries(Object.entries(limits).filter(([name]) => !known.includes(name) && name in adapter.limits))
}
