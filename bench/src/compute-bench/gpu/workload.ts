/** One kernel, as a job and by hand: the same dispatches, so that what differs is the platform. */
import type { GpuPageJob } from '@peercompute/worker-client/testing/gpu-page'

export const THREADS = 262_144
export const WORKGROUP = 64
const WORDS = 64

const body = (rounds: string): string => `
  var x = i;
  for (var round = 0u; round < ${rounds}; round++) { x = x * 747796405u + 2891336453u; }
  scratch[i] = scratch[i] ^ x;
  if (i < ${WORDS}u) { value[i] = scratch[i]; }`

export interface Work {
  /** Steps of each thread in a dispatch, and dispatches of a unit. */
  readonly rounds: number
  readonly repeat: number
}

export function workJob({ rounds, repeat }: Work): GpuPageJob {
  return {
    wgsl: `struct Params { rounds: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> value: array<u32>;
@group(1) @binding(2) var<storage, read_write> scratch: array<u32, ${THREADS}>;
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + launch.offset.x;
  if (i >= launch.size.x) { return; }${body('params.rounds')}
}`,
    params: { rounds },
    passes: [{ entry: 'main', grid: [THREADS, 1, 1], repeat }],
    outputs: [{ name: 'value', type: 'u32', shape: [WORDS] }],
    limits: { unitSeconds: 600 }
  }
}

export interface BareRequest extends Work {
  readonly units: number
  /** Map and read the outputs of each unit before the next one begins. Without, only the last is waited for: the device's own speed. */
  readonly readEach: boolean
  /** Dispatches in one submission; two submissions are in flight. */
  readonly batch: number
}

/** Milliseconds of a hand-written loop, compiler and a first unit apart. Runs in a page and in Node. */
export async function bareLoop(device: GPUDevice, { rounds, repeat, units, readEach, batch }: BareRequest): Promise<number> {
  const [mapRead, copySrc, copyDst, uniform, storage] = [1, 4, 8, 64, 128]
  const params = device.createBuffer({ size: 16, usage: uniform + copyDst })
  const value = device.createBuffer({ size: WORDS * 4, usage: storage + copySrc + copyDst })
  const scratch = device.createBuffer({ size: THREADS * 4, usage: storage + copyDst })
  const staging = device.createBuffer({ size: WORDS * 4, usage: mapRead + copyDst })
  device.queue.writeBuffer(params, 0, new Uint32Array([rounds]))
  const module = device.createShaderModule({
    code: `@group(0) @binding(0) var<uniform> rounds: vec4u;
@group(0) @binding(1) var<storage, read_write> value: array<u32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<u32>;
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3u) { let i = id.x;${body('rounds.x')}
}`
  })
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [params, value, scratch].map((buffer, binding) => ({ binding, resource: { buffer } }))
  })
  async function unit(): Promise<void> {
    const inFlight: Promise<undefined>[] = []
    for (let done = 0; done < repeat; done += batch) {
      const encoder = device.createCommandEncoder()
      if (done === 0) {
        encoder.clearBuffer(value)
        encoder.clearBuffer(scratch)
      }
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      for (let i = done; i < Math.min(repeat, done + batch); i++) pass.dispatchWorkgroups(THREADS / WORKGROUP)
      pass.end()
      if (done + batch >= repeat) encoder.copyBufferToBuffer(value, 0, staging, 0, WORDS * 4)
      device.queue.submit([encoder.finish()])
      inFlight.push(device.queue.onSubmittedWorkDone())
      if (inFlight.length === 2) await inFlight.shift()
    }
    if (!readEach) return
    await staging.mapAsync(1)
    new Uint32Array(staging.getMappedRange()).slice()
    staging.unmap()
  }
  await unit()
  await device.queue.onSubmittedWorkDone()
  const started = performance.now()
  for (let done = 0; done < units; done++) await unit()
  await device.queue.onSubmittedWorkDone()
  return performance.now() - started
}
