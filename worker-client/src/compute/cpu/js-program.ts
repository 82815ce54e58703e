/** Runs a JavaScript kernel, one unit a call. Runs inside the sandbox and in Node's threads alike. */
import type { CpuTask } from './cpu-task.ts'
import type { UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { elementsOf, packOutputs, type ElementArray } from '../pool/unit-value.ts'
import { unitSeed, type SeededRandom } from './random.ts'

/** `signal` is there for ABI 1; a host may also stop the program without it. `progress` and `checkpoint` need the host's capability and do nothing without it. */
interface KernelContext {
  readonly unit: number
  readonly params: CpuTask['params']
  readonly inputs: Readonly<Record<string, ElementArray>>
  readonly signal: AbortSignal
  readonly progress: () => void
  readonly checkpoint: () => void
}

function ignore(): void {
  return undefined
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
    run: (unit) => {
      random.seed(unitSeed(task.job, unit))
      const returned = compute({ unit, params, inputs, signal, progress: ignore, checkpoint: ignore })
      return returned instanceof Promise
        ? returned.then((outputs) => packOutputs(outputs, task.outputs, task.outputBytes))
        : packOutputs(returned, task.outputs, task.outputBytes)
    }
  }
}
