import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FULL_LENDING, type RunEvents, type UnitOutcome } from '../../compute-worker.ts'
import { preparedJob, runUnits, type TestJob } from '../../test-support/prepared-job.ts'
import type { WebGPUComputeWorker } from '../webgpu-compute-worker.ts'
import { headlessGpuWorker } from './headless-gpu-worker.ts'

/** Debian's package "chromium" brings a Vulkan that works on any processor: real WebGPU, in child processes. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
const there = existsSync(SWIFTSHADER)

const HEAD = `
@group(1) @binding(0) var<storage, read_write> value: array<u32>;
`
/** One step of PCG's generator for each round: easy to repeat here, impossible to guess. */
const GENERATE = `${HEAD}
struct Params { rounds: u32 }
@group(1) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + launch.offset.x;
  if (i >= launch.size.x) { return; }
  for (var round = 0u; round < params.rounds; round++) { value[i] = value[i] * 747796405u + 2891336453u + launch.unit; }
}`
const THREADS = 256

function generated(unit: number, rounds: number): number {
  let value = 0
  for (let round = 0; round < rounds; round++) value = (Math.imul(value, 747796405) + 2891336453 + unit) >>> 0
  return value
}

function generate(rounds: number, repeat: number, limits: TestJob['limits'] = {}) {
  return preparedJob({
    wgsl: GENERATE,
    params: { rounds },
    passes: [{ entry: 'main', grid: [THREADS, 1, 1], repeat }],
    outputs: [{ name: 'value', type: 'u32', shape: [THREADS] }],
    limits
  })
}

function words(outcome: UnitOutcome | undefined): number[] {
  if (!outcome?.ok) throw new Error(JSON.stringify(outcome))
  return [...new Uint32Array(outcome.value.slice().buffer)]
}

/** The GPU processes that this process started. */
function gpuProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('gpu-process-main')
      } catch {
        return false
      }
    })
    .map(Number)
}

describe('headlessGpuWorker', () => {
  it('is absent, and says why, where there is no driver', async () => {
    let why = ''
    const env = { VK_DRIVER_FILES: '/nowhere.json', LD_LIBRARY_PATH: '/nowhere' }
    const worker = await headlessGpuWorker({ env, onAbsent: (words) => (why = words) })
    expect(worker).toBeNull()
    expect(why).toBe('there is no WebGPU adapter')
  })
})

describe.skipIf(!there)(`headlessGpuWorker on SwiftShader (needs ${SWIFTSHADER})`, () => {
  let worker: WebGPUComputeWorker

  beforeAll(async () => {
    const made = await headlessGpuWorker({ software: true })
    if (made === null) throw new Error('no adapter')
    worker = made
  })
  afterAll(() => worker.stop())

  it('is labelled as what it is', () => {
    expect(worker.executor).toMatchObject({ kind: 'webgpu', software: true, numericClass: expect.stringMatching(/^webgpu-swiftshader-/) })
  })

  it('computes known answers, unit after unit', async () => {
    const outcomes = await runUnits(worker, generate(10, 3), 4_294_967_290, 20)
    expect(outcomes).toHaveLength(20)
    for (const outcome of outcomes) expect(words(outcome)).toEqual(Array(THREADS).fill(generated(outcome.unit % 2 ** 32, 30)))
  })

  it('runs several passes over scratch and inputs into typed outputs', async () => {
    const job = preparedJob({
      wgsl: `
        struct Params { weight: vec2f, shift: array<vec4i, 1> }
        @group(1) @binding(0) var<uniform> params: Params;
        @group(1) @binding(1) var<storage, read> table: array<f32>;
        @group(1) @binding(2) var<storage, read_write> partial: array<f32, 100>;
        @group(1) @binding(3) var<storage, read_write> rounds: array<atomic<u32>, 1>;
        @group(1) @binding(4) var<storage, read_write> total: array<f32>;
        @group(1) @binding(5) var<storage, read_write> counts: array<i32>;
        @compute @workgroup_size(8) fn weigh(@builtin(global_invocation_id) id: vec3u) {
          let i = id.x + launch.offset.x;
          if (i >= launch.size.x) { return; }
          partial[i] += table[i] * params.weight.x + params.weight.y;
          if (i == 0u) { atomicAdd(&rounds[0], 1u); }
        }
        @compute @workgroup_size(1) fn sum() {
          var all = 0.0;
          for (var i = 0u; i < 100u; i++) { all += partial[i]; }
          total[0] = all + f32(launch.unit);
          counts[0] = i32(atomicLoad(&rounds[0]));
          counts[1] = params.shift[0].w;
        }`,
      params: { weight: [2, 1], shift: [0, 0, 0, -9] },
      inputs: [{ name: 'table', type: 'f32', bytes: new Uint8Array(Float32Array.from({ length: 100 }, (_, i) => i).buffer) }],
      passes: [
        { entry: 'weigh', grid: [100, 1, 1], repeat: 5 },
        { entry: 'sum', grid: [1, 1, 1], repeat: 1 }
      ],
      outputs: [
        { name: 'total', type: 'f32', shape: [1] },
        { name: 'counts', type: 'i32', shape: [2] }
      ]
    })
    for (const outcome of await runUnits(worker, job, 0, 6)) {
      const [, rounds, shift] = words(outcome)
      // 5 × (2 × 4950 + 100), exact in float32
      expect([new Float32Array(new Uint32Array(words(outcome)).buffer)[0], rounds, (shift ?? 0) | 0]).toEqual([
        50_000 + outcome.unit,
        5,
        -9
      ])
    }
  })

  it('ends a loop that does not, says how to help it, and computes the next job', async () => {
    const endless = preparedJob({
      wgsl: `${HEAD}@compute @workgroup_size(1) fn main() { var x = value[0]; while (x < 10u) { x = x * 2u; } value[0] = x; }`
    })
    expect(await runUnits(worker, endless, 0, 1)).toMatchObject([
      { ok: false, reason: 'timeout', message: expect.stringContaining('did not end') }
    ])
    expect(words((await runUnits(worker, generate(3, 1), 5, 1))[0])[0]).toBe(generated(5, 3))
  })

  it('gives a loop more fuel when its dispatches are short', async () => {
    const long = preparedJob({
      wgsl: `${HEAD}@compute @workgroup_size(1) fn main() { var x = launch.unit; var n = 0u; while (n < 200000u + value[0]) { n++; x = x * 5u + 1u; } value[0] = x; }`
    })
    let x = 3
    for (let n = 0; n < 200_000; n++) x = (Math.imul(x, 5) + 1) >>> 0
    expect(words((await runUnits(worker, long, 3, 1))[0])).toEqual([x])
  })

  it('says what the adapter lacks', async () => {
    const requiring = (requires: object) => {
      const job = generate(1, 1)
      return { ...job, id: job.id, spec: { ...job.spec, requires } }
    }
    const [feature] = await runUnits(worker, requiring({ features: ['shader-f16'] }), 0, 1)
    expect(feature).toMatchObject({
      reason: 'compile_error',
      message: 'The job needs the WebGPU feature "shader-f16", which this adapter lacks'
    })
    const [limit] = await runUnits(worker, requiring({ limits: { maxBufferSize: 2 ** 40 } }), 0, 1)
    expect(limit).toMatchObject({ message: expect.stringMatching(/^The job needs maxBufferSize 1099511627776, this adapter allows \d+$/) })
  })

  it('rests while nothing is lent, without running into the unit’s limit, and goes on when something is', async () => {
    worker.lend({ ...FULL_LENDING, gpuShare: 0 })
    const order: string[] = []
    let beats = 0
    const events: RunEvents = {
      progress(_, fraction) {
        order.push(fraction === 0 ? 'rests' : 'computes')
        if (++beats === 2) worker.lend(FULL_LENDING)
      },
      outcome(outcome) {
        order.push(outcome.ok ? 'value' : outcome.message)
      }
    }
    await worker.run({ job: generate(1, 1, { unitSeconds: 0.1 }), start: 0, count: 1 }, events, new AbortController().signal)
    expect(order.slice(0, 2)).toEqual(['rests', 'rests'])
    expect(order.at(-1)).toBe('value')
  })

  it('goes on from a saved state, and begins anew with a damaged or foreign one', async () => {
    const repeats = 1_500
    const job = generate(200, repeats)
    const expected = generated(7, 300_000)
    const stop = new AbortController()
    worker.lend({ ...FULL_LENDING, gpuShare: 0.05 })
    const { promise, resolve } = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
    const fractions: number[] = []
    const interrupted = worker.run(
      { job, start: 7, count: 1 },
      {
        outcome: () => undefined,
        progress: (_, fraction) => fractions.push(fraction),
        saved: (_, state) => {
          resolve(state)
        }
      },
      stop.signal
    )
    const state = await promise
    stop.abort()
    await expect(interrupted).rejects.toThrow('abort')
    expect(fractions.at(-1)).toBeGreaterThan(0)
    expect(fractions.at(-1)).toBeLessThan(1)
    worker.lend(FULL_LENDING)
    async function resumed(unit: number, resume: Uint8Array<ArrayBuffer>) {
      let first = -1
      let value: number[] = []
      await worker.run(
        { job, start: unit, count: 1, resume },
        {
          progress: (_, fraction) => (first = first === -1 ? fraction : first),
          outcome: (outcome) => (value = words(outcome))
        },
        new AbortController().signal
      )
      return { first, value }
    }
    // Third word of the state's head: the repeat that comes next.
    const saved = new DataView(state.buffer).getUint32(40, true) / repeats
    expect(saved).toBeGreaterThan(0)
    const went = await resumed(7, state.slice())
    expect(went.value).toEqual(Array(THREADS).fill(expected))
    const damaged = state.slice()
    damaged[100] = (damaged[100] ?? 0) ^ 1
    const anew = await resumed(7, damaged)
    expect(anew.value).toEqual(went.value)
    expect(went.first).toBeGreaterThanOrEqual(saved)
    expect((await resumed(8, state.slice())).value).toEqual(Array(THREADS).fill(generated(8, 300_000)))
  })

  it('computes a unit again when its process died, and gives the card up after the second time', async () => {
    const spared = new Set(gpuProcesses())
    const made = await headlessGpuWorker({ software: true })
    if (made === null) throw new Error('no adapter')
    const outcomes: UnitOutcome[] = []
    let deaths = 0
    made.lend({ ...FULL_LENDING, gpuShare: 0.05 })
    await made.run(
      { job: generate(200, 1_000), start: 0, count: 2 },
      {
        outcome: (outcome) => outcomes.push(outcome),
        progress() {
          const pid = gpuProcesses().find((known) => !spared.has(known))
          if (pid === undefined) return
          spared.add(pid)
          deaths++
          process.kill(pid, 'SIGKILL')
        }
      },
      new AbortController().signal
    )
    expect(deaths).toBe(2)
    expect(made.unavailable).toBe('gpu_lost')
    expect(outcomes.every((outcome) => !outcome.ok && outcome.reason === 'device_lost')).toBe(true)
    await made.stop()
  })
})
