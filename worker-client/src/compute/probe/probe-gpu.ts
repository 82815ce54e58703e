/** Measures a GPU executor through its own runner: numeric class from the bits of its arithmetic, speed from growing work. */
import { PROBE_VERSION, sha256Hex } from '@peercompute/job-specs'
import { moduleWithHead } from '../webgpu/module-head.ts'
import { RAISED_LIMITS } from '../webgpu/gpu-service.ts'
import type { GpuTask } from '../webgpu/gpu-task.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import type { Probed } from './probe-cpu.ts'
import { runProbe, type ProbeOutcome } from './run-probe.ts'

const THREADS = 65_536
const ROUNDS = 256
/** A multiply and an add. */
const OPERATIONS = THREADS * ROUNDS * 2
const BITS = 256
const BITS_OUTPUTS = 6

/** Grow the work until it takes this long; a fast card needs much more of it than a software one. */
const MEASURABLE_MS = 20
const REPEATS = [1, 8, 64, 512]

const PROBE_WGSL = `
@group(1) @binding(0) var<storage, read_write> bits: array<f32, ${BITS * BITS_OUTPUTS}>;
@group(1) @binding(1) var<storage, read_write> sink: array<f32, ${THREADS}>;
@compute @workgroup_size(64) fn classify(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ${BITS}u) { return; }
  let x = f32(id.x * 7919u % 1024u + 1u) * 0.0123;
  bits[id.x] = sin(x);
  bits[id.x + ${BITS}u] = exp(-x * 0.1);
  bits[id.x + ${2 * BITS}u] = 1.0 / x;
  bits[id.x + ${3 * BITS}u] = sqrt(x);
  bits[id.x + ${4 * BITS}u] = x * 1.0001 + bits[id.x];
  bits[id.x + ${5 * BITS}u] = fma(x, 1.0001, -x);
}
@compute @workgroup_size(64) fn measure(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x + launch.offset.x;
  if (at >= ${THREADS}u) { return; }
  var x = f32(at);
  for (var round = 0u; round < ${ROUNDS}u; round++) { x = x * 0.999 + 0.001; }
  sink[at] = x;
}
`

function probeTask(entry: 'classify' | 'measure', repeat: number): GpuTask {
  const threads = entry === 'classify' ? BITS : THREADS
  return {
    job: `probe-gpu-${entry}-${repeat}`,
    ...moduleWithHead(PROBE_WGSL),
    problem: null,
    unitMs: 10_000,
    buffers: [
      { binding: 0, access: 'storage', bytes: BITS * BITS_OUTPUTS * 4, data: null },
      { binding: 1, access: 'storage', bytes: THREADS * 4, data: null }
    ],
    outputs: [{ binding: 0, layout: { name: 'bits', type: 'f32', shape: [BITS_OUTPUTS, BITS] } }],
    passes: [{ entry, grid: [threads, 1, 1], groups: [threads / 64, 1, 1], workgroup: [64, 1, 1], repeat }]
  }
}

async function measure(pool: LanePool<GpuTask>): Promise<number> {
  let best = 0
  for (const repeat of REPEATS) {
    const outcomes = await runProbe(probeTask('measure', repeat), pool, 2)
    const fastest = Math.max(0.1, Math.min(...outcomes.map((outcome) => outcome.computeMs)))
    best = Math.max(best, Math.round((OPERATIONS * repeat * 1_000) / fastest))
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
export async function probeGpu(adapter: GPUAdapter, pool: LanePool<GpuTask>): Promise<Probed> {
  const { info } = adapter
  const name = labelled(info.architecture === '' ? info.vendor : info.architecture)
  const [bits] = (await runProbe(probeTask('classify', 1), pool, 1)) as [ProbeOutcome]
  return {
    numericClass: `webgpu-${name === '' ? 'unnamed' : name}-${sha256Hex(bits.value).slice(0, 8)}`,
    probeVersion: PROBE_VERSION,
    features: [...adapter.features].sort().slice(0, 64),
    limits: Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
    software: isSoftware(info),
    operationsPerSecond: await measure(pool)
  }
}

/** Software adapters compute on the processor: they must not pass for a graphics card. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|\bwarp\b|basic render/i.test(`${info.architecture} ${info.device} ${info.description}`)
  )
}
