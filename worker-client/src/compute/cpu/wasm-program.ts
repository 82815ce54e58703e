/** Runs a WASM kernel by ABI 1 (job-specs kernel.ts). Runs inside the sandbox and in Node's threads alike. */
import type { CpuTask } from './cpu-task.ts'
import type { UnitProgram, UnitTelling } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { joinOutputs, layoutBytes } from '../pool/unit-value.ts'
import { memoryPages, wasmFacts, type WasmFacts } from './wasm-module.ts'

/** Functions that a kernel may import beside its memory. */
const TELLING = new Set(['env.progress', 'env.checkpoint'])

interface Plan {
  readonly initial: number
  readonly maximum: number
}

/** What is wrong with the module's imports or exports, or the pages of its memory. */
function planOf({ imports, memory }: WasmFacts, module: WebAssembly.Module, task: CpuTask): Plan | Refusal {
  const compileError = (message: string): Refusal => ({ reason: 'compile_error', message })
  if (memory !== null && memory.section !== null)
    return compileError(
      'The module defines its own memory; import it as env.memory (for example clang -Wl,--import-memory, asc --importMemory), or run it as a WASI program'
    )
  for (const { name, kind } of imports) {
    if (kind === 'memory' ? name !== 'env.memory' : kind !== 'function' || !TELLING.has(name))
      return compileError(
        `The module imports the ${kind} "${name}"; only the memory env.memory and the functions env.progress and env.checkpoint are given (AssemblyScript: asc --use abort=)`
      )
  }
  if (memory === null) return compileError('The module does not import env.memory')
  const functions = new Set(
    WebAssembly.Module.exports(module)
      .filter(({ kind }) => kind === 'function')
      .map(({ name }) => name)
  )
  if (!functions.has('alloc') || !functions.has('compute'))
    return compileError('The module does not export the functions alloc and compute')
  const maximum = memoryPages(memory, task.memoryBytes)
  return typeof maximum === 'string' ? { reason: 'out_of_memory', message: maximum } : { initial: memory.minPages, maximum }
}

/** Parameters as the kernel sees them: by sorted name, vectors spread, f64. */
function flatParams(task: CpuTask): number[] {
  return Object.keys(task.params)
    .sort()
    .flatMap((name) => task.params[name] ?? [])
}

interface Instance {
  readonly memory: WebAssembly.Memory
  /** Where the arguments of `compute` and each output lie. */
  readonly params: number
  readonly inputs: number
  readonly outputs: number
  readonly places: readonly number[]
  /** The unit that is running. */
  telling: UnitTelling | undefined
  /** Calls an export with pointers or numbers. */
  call(name: string, ...values: number[]): unknown
  place(bytes: number): number | null
}

function instantiate(module: WebAssembly.Module, { initial, maximum }: Plan, task: CpuTask): Instance | Refusal {
  const memory = new WebAssembly.Memory({ initial, maximum })
  const env = {
    memory,
    progress: (fraction: number) => {
      instance.telling?.progress(fraction)
    },
    checkpoint: (pointer: number, length: number) => {
      instance.telling?.save(() => new Uint8Array(memory.buffer, pointer >>> 0, length >>> 0).slice())
    }
  }
  const { exports } = new WebAssembly.Instance(module, { env })
  const instance: Instance = {
    memory,
    params: 0,
    inputs: 0,
    outputs: 0,
    places: [],
    telling: undefined,
    call(name, ...values) {
      const called = exports[name]
      if (typeof called !== 'function') throw new TypeError(`The module does not export the function ${name}`)
      return (called as (...values: number[]) => unknown)(...values)
    },
    place(bytes) {
      try {
        const pointer = Number(instance.call('alloc', Math.max(8, bytes))) >>> 0
        return pointer === 0 || pointer + bytes > memory.buffer.byteLength ? null : pointer
      } catch {
        // Allocators of some languages trap when the memory cannot grow.
        return null
      }
    }
  }
  return (
    furnish(instance, task) ?? {
      reason: 'out_of_memory',
      message: 'alloc gave no memory: it trapped, or returned 0 or a pointer past the end'
    }
  )
}

/** Places parameters, inputs and outputs; null when there is no memory. */
function furnish(instance: Instance, task: CpuTask): Instance | null {
  const { memory } = instance
  function placeAll(sizes: readonly number[]): number[] | null {
    const places = sizes.map((size) => instance.place(size))
    return places.includes(null) ? null : places.map(Number)
  }
  function pairs(at: number, places: readonly number[], sizes: readonly number[]): void {
    const view = new DataView(memory.buffer)
    places.forEach((pointer, index) => {
      view.setUint32(at + index * 8, pointer, true)
      view.setUint32(at + index * 8 + 4, sizes[index] ?? 0, true)
    })
  }
  const values = flatParams(task)
  const inputSizes = task.inputs.map((input) => input.bytes.byteLength)
  const outputSizes = task.outputs.map(layoutBytes)
  const tables = placeAll([values.length * 8, inputSizes.length * 8, outputSizes.length * 8])
  const inputPlaces = tables && placeAll(inputSizes)
  const places = inputPlaces && placeAll(outputSizes)
  const [params, inputs, outputs] = tables ?? []
  if (params === undefined || inputs === undefined || outputs === undefined || inputPlaces === null || places === null) return null
  const view = new DataView(memory.buffer)
  values.forEach((value, index) => {
    view.setFloat64(params + index * 8, value, true)
  })
  pairs(inputs, inputPlaces, inputSizes)
  pairs(outputs, places, outputSizes)
  task.inputs.forEach((input, index) => {
    new Uint8Array(memory.buffer).set(input.bytes, inputPlaces[index])
  })
  return Object.assign(instance, { params, inputs, outputs, places })
}

/** Gives the instance a saved state. False when it does not take it; it is then of no more use. */
function resumed(instance: Instance, state: Uint8Array<ArrayBuffer>): boolean {
  try {
    const pointer = instance.place(state.byteLength)
    if (pointer === null) return false
    new Uint8Array(instance.memory.buffer).set(state, pointer)
    return instance.call('resume', pointer, state.byteLength) === 0
  } catch {
    return false
  }
}

/** Compiles the module and returns its program, or why it cannot run. Nothing of the module runs before its first unit. */
export async function wasmProgram(bytes: Uint8Array<ArrayBuffer>, task: CpuTask): Promise<UnitProgram | Refusal> {
  const facts = wasmFacts(bytes)
  if (typeof facts === 'string') return { reason: 'compile_error', message: facts }
  const module = await WebAssembly.compile(bytes)
  const plan = planOf(facts, module, task)
  if ('reason' in plan) return plan
  const sizes = task.outputs.map(layoutBytes)
  let kept: Instance | undefined

  return {
    run: (unit, telling) => {
      let instance = kept ?? instantiate(module, plan, task)
      if ('reason' in instance) return instance
      // A trap leaves the instance in the middle of something, a resumed state stays in it: the next unit gets a new one.
      kept = undefined
      const { resume } = telling
      if (resume !== undefined && !resumed(instance, resume)) {
        instance = instantiate(module, plan, task)
        if ('reason' in instance) return instance
      }
      const { memory, params, inputs, outputs, places } = instance
      places.forEach((pointer, index) => {
        new Uint8Array(memory.buffer, pointer, sizes[index] ?? 0).fill(0)
      })
      instance.telling = telling
      const code = instance.call('compute', unit, params, inputs, outputs)
      instance.telling = undefined
      if (resume === undefined) kept = instance
      if (code !== 0) return { reason: 'runtime_error', message: `compute returned ${String(code)}` }
      return joinOutputs(
        task.outputs,
        places.map((pointer, index) => new Uint8Array(memory.buffer).slice(pointer, pointer + (sizes[index] ?? 0)))
      )
    }
  }
}
