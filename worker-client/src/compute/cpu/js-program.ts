/** Runs a JavaScript kernel, one unit a call. Runs inside the sandbox and in Node's threads alike. */
import type { CpuTask } from './cpu-task.ts'
import type { UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { elementsOf, packOutputs, type ElementArray } from '../pool/unit-value.ts'
import { unitSeed, type SeededRandom } from './random.ts'
import { decodeState, encodeState } from './state-codec.ts'

/** Part of ABI 1. */
interface KernelContext {
  readonly unit: number
  readonly params: CpuTask['params']
  readonly inputs: Readonly<Record<string, ElementArray>>
  /** There for what takes one. A host that withdraws a unit ends the whole program, so a kernel never sees it abort. */
  readonly signal: AbortSignal
  /** Finished part, 0 to 1. Costs next to nothing: most words are dropped. */
  readonly progress: (fraction: number) => void
  /** Saves plain data from which the unit can go on, at most once in CHECKPOINT_EVERY_MS. Throws for what is no plain data. */
  readonly checkpoint: (state: unknown) => void
  /** What was saved last, also by another host; undefined when the unit begins anew. */
  readonly resume: unknown
}

/** What is in a saved state beside the kernel's own: where its random numbers stood. */
interface Saved {
  readonly random: number
  readonly own: unknown
}

function savedOf(bytes: Uint8Array<ArrayBuffer> | undefined): Saved | null {
  const decoded = bytes === undefined ? null : decodeState(bytes)
  if (decoded === null || decoded.state === null || typeof decoded.state !== 'object') return null
  const { random, own } = decoded.state as { readonly random?: unknown; readonly own?: unknown }
  return typeof random === 'number' ? { random, own } : null
}

/** `random` is the generator behind `Math.random`; it is seeded before each unit. */
export function jsProgram(kernel: unknown, task: CpuTask, random: SeededRandom, signal: AbortSignal): UnitProgram | Refusal {
  if (typeof kernel !== 'function') return { reason: 'compile_error', message: `The default export is ${typeof kernel}, wanted a function` }
  const compute = kernel as (context: KernelContext) => unknown
  const inputs: Record<string, ElementArray> = {}
  for (const { name, type, bytes } of task.inputs) {
    const elements = elementsOf(type, bytes)
    if (elements === null)
      return { reason: 'runtime_error', message: `Input "${name}" has ${bytes.byteLength} bytes, which is no whole number of ${type}` }
    inputs[name] = elements
  }
  for (const value of Object.values(task.params)) Object.freeze(value)
  const params = Object.freeze(task.params)
  Object.freeze(inputs)
  return {
    run: (unit, { resume, progress, save }) => {
      random.seed(unitSeed(task.job, unit))
      const saved = savedOf(resume)
      if (saved !== null) random.seed(saved.random)
      const returned = compute({
        unit,
        params,
        inputs,
        signal,
        progress,
        checkpoint: (state) => {
          save(() => encodeState({ random: random.state(), own: state }))
        },
        resume: saved?.own
      })
      return returned instanceof Promise
        ? returned.then((outputs) => packOutputs(outputs, task.outputs, task.outputBytes))
        : packOutputs(returned, task.outputs, task.outputBytes)
    }
  }
}
