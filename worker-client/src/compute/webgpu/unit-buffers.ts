/** The buffers that one unit works in. A job has two such sets where memory allows, so that one computes while the other is read. */
import { GUARD_BINDING, GUARD_BYTES, LAUNCH_BINDING, LAUNCH_BYTES } from '@peercompute/job-specs/launch'
import { layoutBytes } from '../pool/unit-value.ts'
import type { CompiledKernel } from './compile-kernel.ts'
import type { GpuTask } from './gpu-task.ts'

/** Dispatches in one submission, each with its own launch uniform at the alignment that every adapter accepts. */
export const SLICES_MAX = 1_024
export const LAUNCH_STRIDE = 256
/** Values of WebGPU's flag constants, which Node has not as globals. */
export const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128, queryResolve: 512 } as const

export interface UnitBuffers {
  readonly launch: GPUBuffer
  /** Null for a kernel whose loops need no fuel. */
  readonly guard: GPUBuffer | null
  /** Outputs and scratch in the order of the task's buffers. */
  readonly writable: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]
  /** Where the outputs are copied to be read, and where each lies. */
  readonly staging: GPUBuffer
  readonly places: readonly { readonly from: GPUBuffer; readonly offset: number; readonly bytes: number }[]
  readonly launchGroup: GPUBindGroup
  readonly kernelGroup: GPUBindGroup
  destroy(): void
}

export function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/** Buffers that all units of a job read: parameters and inputs, by binding. */
export function sharedBuffers(device: GPUDevice, task: GpuTask): ReadonlyMap<number, GPUBuffer> {
  const shared = new Map<number, GPUBuffer>()
  for (const { binding, access, bytes, data } of task.buffers) {
    if (data === null) continue
    const buffer = device.createBuffer({ size: bytes, usage: (access === 'uniform' ? USAGE.uniform : USAGE.storage) | USAGE.copyDst })
    device.queue.writeBuffer(buffer, 0, data)
    shared.set(binding, buffer)
  }
  return shared
}

/** Bytes of one more set. */
export function unitBytes(task: GpuTask): number {
  return task.buffers.reduce((sum, { bytes, data }) => sum + (data === null ? bytes : 0), 0)
}

export function unitBuffers(device: GPUDevice, task: GpuTask, kernel: CompiledKernel, shared: ReadonlyMap<number, GPUBuffer>): UnitBuffers {
  const made: GPUBuffer[] = []
  function buffer(size: number, usage: number): GPUBuffer {
    const created = device.createBuffer({ size, usage })
    made.push(created)
    return created
  }
  const own = new Map<number, { buffer: GPUBuffer; bytes: number }>()
  for (const { binding, bytes, data } of task.buffers) {
    if (data === null) own.set(binding, { buffer: buffer(bytes, USAGE.storage | USAGE.copyDst | USAGE.copySrc), bytes })
  }
  const launch = buffer(SLICES_MAX * LAUNCH_STRIDE, USAGE.uniform | USAGE.copyDst)
  const guard = task.fuelled ? buffer(GUARD_BYTES, USAGE.storage | USAGE.copyDst | USAGE.copySrc) : null
  let offset = 0
  const places = task.outputs.flatMap(({ binding, layout }) => {
    const from = own.get(binding)?.buffer
    if (from === undefined) return []
    const place = { from, offset, bytes: layoutBytes(layout) }
    offset += padded(place.bytes)
    return [place]
  })
  const bound = task.buffers.flatMap(({ binding }) => {
    const resource = shared.get(binding) ?? own.get(binding)?.buffer
    return resource === undefined ? [] : [{ binding, resource: { buffer: resource } }]
  })
  return {
    launch,
    guard,
    places,
    writable: [...own.values()],
    staging: buffer(Math.max(4, offset), USAGE.mapRead | USAGE.copyDst),
    launchGroup: device.createBindGroup({
      layout: kernel.launchLayout,
      entries: [
        { binding: LAUNCH_BINDING, resource: { buffer: launch, size: LAUNCH_BYTES } },
        ...(guard === null ? [] : [{ binding: GUARD_BINDING, resource: { buffer: guard } }])
      ]
    }),
    kernelGroup: device.createBindGroup({ layout: kernel.kernelLayout, entries: bound }),
    destroy() {
      for (const one of made) one.destroy()
    }
  }
}
