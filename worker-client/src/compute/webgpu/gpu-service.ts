/** Owns the device: gets it, notices its loss, gets one more, and no third. Runs inside the sandbox and in Node. */
import type { UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { gpuRunner, type GpuClock, type GpuRunner } from './gpu-runner.ts'
import type { GpuTask } from './gpu-task.ts'

/** A second loss within a session means that the driver is in trouble: browsers then refuse the whole page. */
const LOSSES_MAX = 2

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
const WANTED_FEATURES = ['shader-f16', 'subgroups'] as const

export interface GpuService {
  /** Prepares a job; the one before is forgotten. */
  load(task: GpuTask): Promise<UnitProgram | Refusal>
  /** Ends between two slices; the device is released when nothing runs on it. */
  stop(): void
}

interface Session {
  readonly device: GPUDevice
  /** Resolves with a refusal when the device is lost. */
  readonly lost: Promise<Refusal>
  alive: boolean
}

export function gpuService(gpu: GPU | undefined, clock: GpuClock): GpuService {
  let session: Session | undefined
  let runner: GpuRunner | undefined
  let losses = 0
  let stopped = false
  let busy = false

  async function open(): Promise<Session | Refusal> {
    if (session?.alive === true) return session
    if (losses >= LOSSES_MAX) return { reason: 'device_lost', message: `The device was lost ${losses} times` }
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
    if (adapter === null || adapter === undefined) return { reason: 'device_lost', message: 'There is no WebGPU adapter' }
    const device = await adapter.requestDevice({
      requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]]))
    })
    const opened: Session = {
      device,
      alive: true,
      lost: device.lost.then((info): Refusal => {
        opened.alive = false
        losses++
        return { reason: 'device_lost', message: info.message === '' ? `The device was lost (${info.reason})` : info.message }
      })
    }
    session = opened
    return opened
  }

  async function prepare(task: GpuTask): Promise<{ session: Session; runner: GpuRunner } | Refusal> {
    const opened = await open()
    if ('reason' in opened) return opened
    const made = await Promise.race([gpuRunner(opened.device, task, clock), opened.lost])
    if ('reason' in made) return made
    runner = made
    return { session: opened, runner: made }
  }

  return {
    async load(task) {
      runner?.destroy()
      runner = undefined
      let ready = await prepare(task)
      if ('reason' in ready) return ready
      return {
        async run(unit) {
          if ('reason' in ready || !ready.session.alive) ready = await prepare(task)
          if ('reason' in ready) return ready
          busy = true
          try {
            const result = await Promise.race([ready.runner.run(unit, () => stopped), ready.session.lost])
            return result
          } catch (error) {
            // Mapping fails when the device goes away: the loss is the better word for it.
            if (ready.session.alive) throw error
            return await ready.session.lost
          } finally {
            busy = false
          }
        }
      }
    },
    stop() {
      stopped = true
      // Destroying a device with a hung kernel blocks the thread for ever in Dawn.
      if (!busy) session?.device.destroy()
    }
  }
}
