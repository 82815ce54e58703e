import { describe, expect, it } from 'vitest'
import { create } from 'webgpu'
import type { Executor } from '@peercompute/job-specs'
import { LanePool } from '../pool/lane-pool.ts'
import { preparedJob, runUnits } from '../test-support/prepared-job.ts'
import { GPU_LANE } from './create-webgpu-worker.ts'
import { DeviceLosses } from './device-losses.ts'
import type { GpuTask } from './gpu-task.ts'
import { inProcessChannel } from './in-process-channel.ts'
import { nodeGpuClock } from './node-gpu-clock.ts'
import { WebGPUComputeWorker } from './webgpu-compute-worker.ts'

/** Dawn's null backend: a real compiler and real validation without a driver; it computes nothing (Chromium does, in tests/e2e). */
const gpu = create(['backend=null'])
const executor: Executor & { kind: 'webgpu' } = {
  kind: 'webgpu',
  slots: 1,
  numericClass: 'webgpu-null',
  probeVersion: 1,
  features: [],
  software: true,
  operationsPerSecond: 1
}
function worker(over: GPU = gpu): WebGPUComputeWorker {
  const losses = new DeviceLosses()
  const onSilent = () => {
    losses.giveUp()
  }
  const pool = new LanePool<GpuTask>({ ...GPU_LANE, open: () => inProcessChannel(over, nodeGpuClock), onSilent })
  return new WebGPUComputeWorker({ executor, pool, losses })
}
const HEAD = '@group(1) @binding(0) var<storage, read_write> value: array<u32>;\n'

describe('WebGPUComputeWorker', () => {
  it('returns one value of the declared size for each unit', async () => {
    const job = preparedJob({
      wgsl: `${HEAD}@compute @workgroup_size(64) fn main() { value[0] = launch.unit; }`,
      outputs: [{ name: 'value', type: 'u32', shape: [3] }]
    })
    const outcomes = await runUnits(worker(), job, 4, 3)
    expect(outcomes.map((outcome) => [outcome.unit, outcome.ok && outcome.value.byteLength])).toEqual([
      [4, 12],
      [5, 12],
      [6, 12]
    ])
  })

  it("tells the compiler's line, column and message in the researcher's numbering", async () => {
    const wgsl = `${HEAD}\n@compute @workgroup_size(1) fn main() {\n  value[0] = 1.5;\n}`
    expect(await runUnits(worker(), preparedJob({ wgsl }), 0, 2)).toMatchObject(
      [0, 1].map((unit) => ({
        unit,
        ok: false,
        reason: 'compile_error',
        message: expect.stringMatching(/^line 4:\d+: .*f(32|loat)/) as string
      }))
    )
  })

  it("prefers the compiler's words to those of the reflection, which cannot read broken text either", async () => {
    const [outcome] = await runUnits(worker(), preparedJob({ wgsl: `${HEAD}\nfn main( {` }), 0, 1)
    expect(outcome).toMatchObject({ reason: 'compile_error', message: expect.stringMatching(/^line 3:\d+: /) as string })
  })

  it('says how the job and a sound kernel differ', async () => {
    const wgsl = `${HEAD}@compute @workgroup_size(1) fn main() { value[0] = 1; }`
    const [outcome] = await runUnits(worker(), preparedJob({ wgsl, outputs: [{ name: 'value', type: 'f32', shape: [1] }] }), 0, 1)
    expect(outcome).toMatchObject({ reason: 'compile_error', message: '"value" is f32 in the job and u32 in the kernel' })
  })

  it('refuses a workgroup that the device does not allow', async () => {
    const [outcome] = await runUnits(
      worker(),
      preparedJob({ wgsl: `${HEAD}@compute @workgroup_size(100000) fn main() { value[0] = 1; }` }),
      0,
      1
    )
    expect(outcome).toMatchObject({ ok: false, reason: 'compile_error' })
  })

  it('refuses a scratch buffer that the device cannot hold', async () => {
    const wgsl = `${HEAD}@group(1) @binding(1) var<storage, read_write> huge: array<u32, 1000000000>;\n@compute @workgroup_size(1) fn main() { value[0] = huge[0]; }`
    const [outcome] = await runUnits(worker(), preparedJob({ wgsl }), 0, 1)
    expect(outcome).toMatchObject({ ok: false, reason: 'out_of_memory', message: expect.stringContaining('4000000000 bytes') as string })
  })

  it('reports a lost device, gets one more, and no third', async () => {
    const devices: GPUDevice[] = []
    const seen = new Proxy(gpu, {
      get: (target, key) =>
        key !== 'requestAdapter'
          ? (Reflect.get(target, key) as unknown)
          : async () => {
              const adapter = await target.requestAdapter()
              if (adapter === null) return null
              return new Proxy(adapter, {
                get: (inner, name) => {
                  if (name === 'requestDevice')
                    return async (descriptor: GPUDeviceDescriptor) => {
                      const device = await inner.requestDevice(descriptor)
                      devices.push(device)
                      return device
                    }
                  const value = Reflect.get(inner, name, inner) as unknown
                  return value
                }
              })
            }
    })
    const job = preparedJob({
      wgsl: `${HEAD}@compute @workgroup_size(1) fn main() { value[0] = 1; }`,
      outputs: [{ name: 'value', type: 'u32', shape: [1] }]
    })
    const one = worker(seen)
    expect(await runUnits(one, job, 0, 1)).toMatchObject([{ ok: true }])
    async function loseDevice() {
      const device = devices.at(-1)
      device?.destroy()
      await device?.lost
    }
    await loseDevice()
    expect(await runUnits(one, job, 1, 1)).toMatchObject([{ ok: true }])
    expect(devices).toHaveLength(2)
    expect(one.unavailable).toBeNull()
    await loseDevice()
    // Nothing was computing: no unit is to blame, and none is reported.
    expect(await runUnits(one, job, 2, 2)).toEqual([])
    expect(one.unavailable).toBe('gpu_lost')
    expect(devices).toHaveLength(2)
  })
})
