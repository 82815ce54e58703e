/** Measures a CPU executor through the same pool that will run its units: numeric class and speed, in about 0.1 s. */
import { PROBE_VERSION, sha256Hex, type Executor } from '@peercompute/job-specs'
import type { UnitOutcome } from '../compute-worker.ts'
import type { CpuTask } from '../cpu/cpu-task.ts'
import { moduleToScript } from '../cpu/js-module.ts'
import type { LanePool } from '../pool/lane-pool.ts'
import { runProbe } from './run-probe.ts'
import { JS_PROBE, PROBE_OPERATIONS, WASM_PROBE, wasmProbeBytes } from './cpu-probes.ts'

export type Probed = Pick<Executor, 'numericClass' | 'probeVersion' | 'features' | 'limits' | 'software' | 'operationsPerSecond'>

function probeTask(kind: 'js' | 'wasm'): CpuTask {
  return {
    job: `probe-${kind}`,
    params: {},
    inputs: [],
    outputBytes: 65_536,
    memoryBytes: 1_048_576,
    ...(kind === 'js'
      ? { outputs: JS_PROBE.outputs, program: { kind, script: moduleToScript(JS_PROBE.text) } }
      : { outputs: WASM_PROBE.outputs, program: { kind, module: wasmProbeBytes() } })
  }
}

/** Speed of the better of two runs: the first one warms the compiler up. */
function operationsPerSecond(outcomes: readonly UnitOutcome[]): number {
  return Math.round((PROBE_OPERATIONS * 1_000) / Math.max(0.1, Math.min(...outcomes.map((outcome) => outcome.computeMs))))
}

/**
 * The class of `js` names the bits of this engine's Math functions; WASM has one class, because its arithmetic is exact and NaNs
 * are made equal. Rejects with UNIT_FAILED when the executor cannot run at all.
 */
export async function probeCpu(kind: 'js' | 'wasm', pool: LanePool<CpuTask>): Promise<Probed> {
  const outcomes = await runProbe(probeTask(kind), pool, 2)
  const [first] = outcomes
  return {
    numericClass: kind === 'wasm' || first === undefined ? 'wasm' : `js-${sha256Hex(first.value).slice(0, 8)}`,
    probeVersion: PROBE_VERSION,
    features: [],
    software: false,
    operationsPerSecond: operationsPerSecond(outcomes)
  }
}
