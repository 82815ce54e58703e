/** Runs a WASM kernel by ABI 1 (job-specs kernel.ts). Runs inside the sandbox and in Node's threads alike. */
import type { CpuTask } from './cpu-task.ts'
import type { UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { joinOutputs, layoutBytes } from '../pool/unit-value.ts'
import { WASM_PAGE_BYTES, wasmMemoryImport, type WasmMemoryImport } from './wasm-module.ts'

type Compute = (unit: number, params: number, inputs: number, outputs: number) => unknown

interface Running {
  readonly memory: WebAssembly.Memory
  readonly compute: Compute
  readonly params: number
  readonly inputs: number
  readonly outputs: number
  /** Where each output lies. */
  readonly places: readonly number[]
}

/** Parameters as the kernel sees them: by sorted name, vectors spread, f64. */
function flatParams(task: CpuTask): number[] {
  return Object.keys(task.params)
    .sort()
    .flatMap((name) => task.params[name] ?? [])
}

function start(module: WebAssembly.Module, wanted: WasmMemoryImport, task: CpuTask): Running | Refusal {
  const mostPages = Math.min(Math.floor(task.memoryBytes / WASM_PAGE_BYTES), wanted.maxPages ?? 65_536)
  if (wanted.minPages > mostPages) {
    return {
      reason: 'out_of_memory',
      message: `The module needs ${wanted.minPages} pages of 64 KiB, limits.memoryBytes allows ${mostPages}`
    }
  }
  const memory = new WebAssembly.Memory({ initial: wanted.minPages, maximum: mostPages })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const { alloc, compute } = exports
  if (typeof alloc !== 'function' || typeof compute !== 'function')
    return { reason: 'compile_error', message: 'The module does not export the functions alloc and compute' }

  function place(bytes: number): number | null {
    try {
      const pointer = Number((alloc as (bytes: number) => unknown)(bytes)) >>> 0
      return pointer === 0 || pointer + bytes > memory.buffer.byteLength ? null : pointer
    } catch {
      // Allocators of some languages trap when the memory cannot grow.
      return null
    }
  }
  function placeAll(sizes: readonly number[]): number[] | null {
    const places: number[] = []
    for (const size of sizes) {
      const pointer = place(Math.max(8, size))
      if (pointer === null) return null
      places.push(pointer)
    }
    return places
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
  const inputPlaces = placeAll(inputSizes)
  const outputPlaces = placeAll(outputSizes)
  const [params, inputs, outputs] = tables ?? []
  if (params === undefined || inputs === undefined || outputs === undefined || inputPlaces === null || outputPlaces === null) {
    return { reason: 'out_of_memory', message: 'alloc gave no memory: it trapped, or returned 0 or a pointer past the end' }
  }
  const view = new DataView(memory.buffer)
  values.forEach((value, index) => {
    view.setFloat64(params + index * 8, value, true)
  })
  pairs(inputs, inputPlaces, inputSizes)
  pairs(outputs, outputPlaces, outputSizes)
  task.inputs.forEach((input, index) => {
    new Uint8Array(memory.buffer).set(input.bytes, inputPlaces[index])
  })
  return { memory, compute: compute as Compute, params, inputs, outputs, places: outputPlaces }
}

/** Compiles the module and returns its program, or why it cannot run. */
export async function wasmProgram(bytes: Uint8Array<ArrayBuffer>, task: CpuTask): Promise<UnitProgram | Refusal> {
  const module = await WebAssembly.compile(bytes)
  const wanted = wasmMemoryImport(bytes)
  if (typeof wanted === 'string') return { reason: 'compile_error', message: wanted }
  const first = start(module, wanted, task)
  if ('reason' in first) return first
  const sizes = task.outputs.map(layoutBytes)
  let running: Running | Refusal | undefined = first

  return {
    run: (unit) => {
      running ??= start(module, wanted, task)
      if ('reason' in running) return running
      const { memory, compute, params, inputs, outputs, places } = running
      places.forEach((pointer, index) => {
        new Uint8Array(memory.buffer, pointer, sizes[index] ?? 0).fill(0)
      })
      let code: unknown
      try {
        code = compute(unit, params, inputs, outputs)
      } catch (error) {
        // A trap leaves the instance in the middle of something: the next unit gets a new one.
        running = undefined
        throw error
      }
      if (code !== 0) return { reason: 'runtime_error', message: `compute returned ${String(code)}` }
      return joinOutputs(
        task.outputs,
        places.map((pointer, index) => new Uint8Array(memory.buffer).slice(pointer, pointer + (sizes[index] ?? 0)))
      )
    }
  }
}
