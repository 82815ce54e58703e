/** Measures a CPU executor through the same pool that will run its units: numeric class at every start, speed at the first. */
import { PROBE_VERSION, sha256Hex, type Benchmark, type Executor } from '@peercompute/job-specs'
import type { CpuTask } from '../cpu/cpu-task.ts'
import { moduleToScript } from '../cpu/js-module.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { measuredOnce, noBenchmarkStore, type BenchmarkStore } from './benchmark-store.ts'
import { CPU_PROBE_WORK, JS_PROBE, WASM_PROBE, wasmProbeBytes } from './cpu-probes.ts'
import { runProbe, type ProbeOutcome } from './run-probe.ts'

export type Probed = Pick<
  Executor,
  'numericClass' | 'probeVersion' | 'features' | 'limits' | 'software' | 'operationsPerSecond' | 'benchmark'
>

const MEMORY_BYTES = 67_108_864
/** Both runs of each kind of work. */
const MEASURING_UNITS = 6

function probeTask(kind: 'js' | 'wasm'): CpuTask {
  return {
    job: `probe-${kind}`,
    params: {},
    inputs: [],
    outputBytes: 65_536,
    memoryBytes: MEMORY_BYTES,
    ...(kind === 'js'
      ? { outputs: JS_PROBE.outputs, program: { kind, script: moduleToScript(JS_PROBE.text) } }
      : { outputs: WASM_PROBE.outputs, program: { kind, module: wasmProbeBytes() } })
  }
}

/** `amount` a second, from the better of two units. A browser's clock has steps of 0.1 ms. */
function rate(amount: number, outcomes: readonly ProbeOutcome[], units: readonly number[]): number {
  const times = outcomes.filter(({ unit }) => units.includes(unit)).map(({ computeMs }) => computeMs)
  return Math.round((amount * 1_000) / Math.max(0.1, Math.min(...times)))
}

/**
 * The class of `js` names the bits of this engine's Math functions; WASM has one class, because its arithmetic is exact and NaNs
 * are made equal. The speed (about 0.3 s to measure) is that of one slot alone. Rejects with UNIT_FAILED when the executor cannot run at all.
 */
export async function probeCpu(kind: 'js' | 'wasm', pool: LanePool<CpuTask>, store: BenchmarkStore = noBenchmarkStore): Promise<Probed> {
  const task = probeTask(kind)
  const [first] = await runProbe(task, pool, 0, 1)
  const numericClass = kind === 'wasm' || first === undefined ? 'wasm' : `js-${sha256Hex(first.value).slice(0, 8)}`
  const benchmark = await measuredOnce(store, `${kind}-${numericClass}`, async (): Promise<Benchmark> => {
    const outcomes = await runProbe(task, pool, 1, MEASURING_UNITS)
    return {
      floatPerSecond: rate(CPU_PROBE_WORK.floatOperations, outcomes, [1, 2]),
      integerPerSecond: rate(CPU_PROBE_WORK.integerOperations, outcomes, [3, 4]),
      bytesPerSecond: rate(CPU_PROBE_WORK.bytes, outcomes, [5, 6])
    }
  })
  return {
    numericClass,
    probeVersion: PROBE_VERSION,
    features: [],
    software: false,
    operationsPerSecond: benchmark.floatPerSecond,
    benchmark
  }
}
