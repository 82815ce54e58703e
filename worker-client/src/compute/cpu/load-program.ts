/** From a task to what runs its units. Runs inside the sandbox, the cage and Node's threads alike. */
import type { UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import type { CpuTask } from './cpu-task.ts'
import { jsProgram } from './js-program.ts'
import type { SeededRandom } from './random.ts'
import { wasiProgram } from './wasi-program.ts'
import { wasmProgram } from './wasm-program.ts'

export interface ProgramParts {
  /** The default export of the job's script. May throw. */
  readonly kernel: (script: string) => unknown
  /** Behind `Math.random`. */
  readonly random: SeededRandom
  readonly signal: AbortSignal
}

/** The program of a task, or why it cannot run. */
export async function loadProgram(task: CpuTask, { kernel, random, signal }: ProgramParts): Promise<UnitProgram | Refusal> {
  const { program } = task
  if (program.kind === 'js') return jsProgram(kernel(program.script), task, random, signal)
  return program.wasi === undefined ? await wasmProgram(program.module, task) : await wasiProgram(program.module, program.wasi, task)
}
