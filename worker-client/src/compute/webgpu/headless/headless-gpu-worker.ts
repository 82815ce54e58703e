import { LanePool } from '../../pool/lane-pool.ts'
import type { BenchmarkStore } from '../../probe/benchmark-store.ts'
import { probeGpu } from '../../probe/probe-gpu.ts'
import type { UnitChannel } from '../../pool/unit-protocol.ts'
import { GPU_LANE } from '../create-webgpu-worker.ts'
import { DeviceLosses } from '../device-losses.ts'
import type { GpuTask } from '../gpu-task.ts'
import { WebGPUComputeWorker } from '../webgpu-compute-worker.ts'
import { gpuEnvironment } from './gpu-environment.ts'
import { startGpuProcess } from './gpu-process.ts'

export interface HeadlessGpuOptions {
  /** By default this process's. The GPU process gets only what drivers read. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Also take the software Vulkan of an installed Chromium. It computes on the processor, for `check` and tests. */
  readonly software?: boolean
  readonly benchmarks?: BenchmarkStore
  /** Told why there is none. */
  readonly onAbsent?: (why: string) => void
}

/**
 * The headless WebGPUComputeWorker: Dawn in a child process of its own, killed when a unit does not come back. Null where the npm
 * package `webgpu` does not work or there is no adapter. Rejects with UNIT_FAILED when the adapter cannot compute.
 */
export async function headlessGpuWorker(options: HeadlessGpuOptions = {}): Promise<WebGPUComputeWorker | null> {
  const env = gpuEnvironment(options.env ?? process.env, options.software === true)
  const first = startGpuProcess(env)
  const { facts, why } = await first.greeting
  if (facts === null) {
    first.channel.close()
    options.onAbsent?.(why)
    return null
  }
  let started: typeof first | undefined = first
  const losses = new DeviceLosses()
  const pool = new LanePool<GpuTask>({
    ...GPU_LANE,
    open: () => {
      const { channel } = started ?? startGpuProcess(env)
      started = undefined
      return lossesNoted(channel, losses)
    },
    // The process is killed, and the hung dispatch with it.
    onSilent: () => undefined
  })
  try {
    const executor = { kind: 'webgpu' as const, slots: 1, ...(await probeGpu(facts, pool, options.benchmarks)) }
    return new WebGPUComputeWorker({ executor, pool, losses })
  } catch (error) {
    pool.close()
    first.channel.close()
    throw error
  }
}

/** A process that dies by itself takes its device along: the running unit then failed by that, and is tried once more like any other. */
function lossesNoted(channel: UnitChannel<GpuTask>, losses: DeviceLosses): UnitChannel<GpuTask> {
  let next = 0
  let left = 0
  return {
    ...channel,
    listen(onAnswer, onEnd) {
      channel.listen(
        (answer) => {
          if (answer.type === 'value' || answer.type === 'failure') [next, left] = [next + 1, left - 1]
          onAnswer(answer)
        },
        (end) => {
          if (left === 0) losses.note()
          else onAnswer({ type: 'failure', unit: next, reason: 'device_lost', message: end.message, computeMs: 0 })
          onEnd(end)
        }
      )
    },
    post(order) {
      if (order.type === 'run') [next, left] = [order.start, order.count]
      channel.post(order)
    }
  }
}
