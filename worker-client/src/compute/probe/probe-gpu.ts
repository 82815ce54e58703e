/** Measures a GPU executor through its own runner: numeric class at every start, from the bits of its arithmetic; speed at the first. */
import { PROBE_VERSION, sha256Hex, type Benchmark } from '@peercompute/job-specs'
import type { AdapterFacts } from '../webgpu/adapter-facts.ts'
import { moduleWithHead } from '../webgpu/module-head.ts'
import type { GpuTask } from '../webgpu/gpu-task.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { measuredOnce, noBenchmarkStore, type BenchmarkStore } from './benchmark-store.ts'
import {
  CLASS_ROWS,
  CLASS_SAMPLES,
  CLASS_WGSL,
  GPU_PROBE_WORK,
  PROBE_WORKGROUP,
  SOFTWARE_TRIAD_LENGTH,
  SPEED_THREADS,
  SPEED_WGSL,
  TRIAD_LENGTH,
  triadWgsl
} from './gpu-probes.ts'
import type { Probed } from './probe-cpu.ts'
import { runProbe, type ProbeOutcome } from './run-probe.ts'

/** Grow the work until it takes this long; a fast card needs much more of it than a software one. */
const MEASURABLE_MS = 20
const REPEATS = [1, 8, 64, 512]

/** A busy machine without a graphics card. */
const UNIT_MS = 60_000

type Work = keyof typeof GPU_PROBE_WORK

function pass(entry: string, threads: number, repeat: number): GpuTask['passes'][number] {
  return { entry, grid: [threads, 1, 1], groups: [threads / PROBE_WORKGROUP, 1, 1], workgroup: [PROBE_WORKGROUP, 1, 1], repeat }
}

function buffer(binding: number, elements: number): GpuTask['buffers'][number] {
  return { binding, access: 'storage', bytes: elements * 4, data: null }
}

function task(name: string, wgsl: string, rest: Pick<GpuTask, 'buffers' | 'outputs' | 'passes'>): GpuTask {
  return {
    job: `probe-gpu-${name}`,
    ...moduleWithHead(wgsl),
    fuelled: false,
    features: [],
    limits: {},
    problem: null,
    unitMs: UNIT_MS,
    ...rest
  }
}

const classTask = task('class', CLASS_WGSL, {
  buffers: [buffer(0, CLASS_SAMPLES * CLASS_ROWS), buffer(1, CLASS_SAMPLES)],
  outputs: [{ binding: 0, layout: { name: 'bits', type: 'f32', shape: [CLASS_ROWS, CLASS_SAMPLES] } }],
  passes: [pass('multiply', CLASS_SAMPLES, 1), pass('classify', CLASS_SAMPLES, 1)]
})

function speedTask(work: Work, repeat: number, length: number): GpuTask {
  const name = `${work}-${repeat}`
  return work === 'triad'
    ? task(name, triadWgsl(length), {
        buffers: [buffer(0, length), buffer(1, length), buffer(2, length), buffer(3, 1)],
        outputs: [{ binding: 3, layout: { name: 'sink', type: 'f32', shape: [1] } }],
        passes: [pass(work, length, repeat)]
      })
    : task(name, SPEED_WGSL, {
        buffers: [buffer(0, SPEED_THREADS)],
        outputs: [{ binding: 0, layout: { name: 'sink', type: 'f32', shape: [SPEED_THREADS] } }],
        passes: [pass(work, SPEED_THREADS, repeat)]
      })
}

async function rate(pool: LanePool<GpuTask>, work: Work, length = 1): Promise<number> {
  let best = 0
  for (const repeat of REPEATS) {
    const outcomes = await runProbe(speedTask(work, repeat, length), pool, 0, 2)
    const fastest = Math.max(0.1, Math.min(...outcomes.map(({ computeMs }) => computeMs)))
    best = Math.max(best, Math.round((GPU_PROBE_WORK[work] * length * repeat * 1_000) / fastest))
    if (fastest >= MEASURABLE_MS) break
  }
  return best
}

/** A label part from an adapter's own words. */
function labelled(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 24)
}

/** `adapter`: of the same machine and preference as the runner's. Rejects with UNIT_FAILED when the GPU cannot run at all. */
export async function probeGpu(adapter: AdapterFacts, pool: LanePool<GpuTask>, store: BenchmarkStore = noBenchmarkStore): Promise<Probed> {
  const { info } = adapter
  const software = isSoftware(info)
  const name = labelled(info.architecture === '' ? info.vendor : info.architecture)
  const [bits] = (await runProbe(classTask, pool, 0, 1)) as [ProbeOutcome]
  const numericClass = `webgpu-${name === '' ? 'unnamed' : name}-${sha256Hex(bits.value).slice(0, 8)}`
  const benchmark = await measuredOnce(store, numericClass, async (): Promise<Benchmark> => ({
    floatPerSecond: await rate(pool, 'floats'),
    integerPerSecond: await rate(pool, 'integers'),
    bytesPerSecond: await rate(pool, 'triad', software ? SOFTWARE_TRIAD_LENGTH : TRIAD_LENGTH)
  }))
  return {
    numericClass,
    probeVersion: PROBE_VERSION,
    features: adapter.features,
    limits: adapter.limits,
    software,
    operationsPerSecond: benchmark.floatPerSecond,
    benchmark
  }
}

/** Software adapters compute on the processor: they must not pass for a graphics card. */
export function isSoftware(info: AdapterFacts['info']): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|\bwarp\b|basic render/i.test(`${info.architecture} ${info.device} ${info.description}`)
  )
}
