/** Runs a WASI preview 1 program, a fresh instance for each unit. Runs inside the sandbox and in Node's threads alike. */
import { WASI, WASIProcExit } from '@bjorn3/browser_wasi_shim'
import type { Wasi } from '@peercompute/job-specs'
import type { CpuTask } from './cpu-task.ts'
import { errorText, type UnitProgram } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { layoutBytes } from '../pool/unit-value.ts'
import { seededRandom, unitSeed } from './random.ts'
import { wasiCall } from './wasi-call.ts'
import { inputOf, wasiDisk, WrittenStream } from './wasi-files.ts'
import { wasiHost } from './wasi-host.ts'
import { TEXT_PER_BYTE, wasiValue } from './wasi-outputs.ts'
import { memoryPages, wasmFacts, withMemoryMaximum, type WasmFacts } from './wasm-module.ts'

/** Of what is written to standard error, the end is kept for the failure's message. */
const ERRORS_KEPT_BYTES = 1_500
const WASI_MODULE = 'wasi_snapshot_preview1.'

/** Ends a program that writes without end. */
class TooMuchOutput extends Error {}

interface WasiPlan {
  readonly module: WebAssembly.Module
  /** For a program that imports its memory. */
  readonly memory: WebAssembly.MemoryDescriptor | null
}

async function wasiPlan(bytes: Uint8Array<ArrayBuffer>, facts: WasmFacts, task: CpuTask): Promise<WasiPlan | Refusal> {
  const compileError = (message: string): Refusal => ({ reason: 'compile_error', message })
  for (const { name, kind } of facts.imports) {
    if (kind === 'memory' ? name !== 'env.memory' : kind !== 'function' || !name.startsWith(WASI_MODULE))
      return compileError(`The module imports the ${kind} "${name}"; a WASI program is given ${WASI_MODULE}* and env.memory only`)
  }
  if (facts.memory === null) return compileError('The module has no memory')
  const maximum = memoryPages(facts.memory, task.memoryBytes)
  if (typeof maximum === 'string') return { reason: 'out_of_memory', message: maximum }
  const module = await WebAssembly.compile(withMemoryMaximum(bytes, facts, maximum))
  const exported = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]))
  if (exported.get('_start') !== 'function')
    return compileError('The module does not export _start: it is no WASI program (build it with a main function)')
  const imported = facts.memory.section === null
  if (!imported && exported.get('memory') !== 'memory') return compileError('The module does not export its memory')
  return { module, memory: imported ? { initial: facts.memory.minPages, maximum } : null }
}

/** The end of a stream, whole lines where there are any. */
function lastLines(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).trim()
  const line = text.indexOf('\n')
  return bytes.byteLength < ERRORS_KEPT_BYTES || line < 0 ? text : text.slice(line + 1)
}

class Collected {
  #bytes = new Uint8Array(1_024)
  length = 0

  add(bytes: Uint8Array): void {
    if (this.length + bytes.byteLength > this.#bytes.byteLength) {
      const more = new Uint8Array(2 * (this.length + bytes.byteLength))
      more.set(this.all())
      this.#bytes = more
    }
    this.#bytes.set(bytes, this.length)
    this.length += bytes.byteLength
  }

  keepEnd(count: number): void {
    if (this.length <= count) return
    this.#bytes.copyWithin(0, this.length - count, this.length)
    this.length = count
  }

  all(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }
}

/** Compiles the program once and returns what runs it, or why it cannot run. Nothing of it runs before its first unit. */
export async function wasiProgram(bytes: Uint8Array<ArrayBuffer>, wasi: Wasi, task: CpuTask): Promise<UnitProgram | Refusal> {
  const facts = wasmFacts(bytes)
  if (typeof facts === 'string') return { reason: 'compile_error', message: facts }
  const plan = await wasiPlan(bytes, facts, task)
  if ('reason' in plan) return plan
  const { stdin } = wasi
  const input = stdin !== undefined && 'input' in stdin ? task.inputs.find(({ name }) => name === stdin.input)?.bytes : undefined
  const kept = task.outputs.some(({ name }) => wasi.outputs?.[name]?.from === 'stdout')
  const mostOutput = TEXT_PER_BYTE * task.outputs.reduce((sum, layout) => sum + layoutBytes(layout), 0) + 64

  return {
    run: (unit) => {
      const seed = unitSeed(task.job, unit)
      const call = wasiCall(wasi, { unit, seed, params: task.params })
      const disk = wasiDisk(task.inputs, task.memoryBytes)
      const output = new Collected()
      const errors = new Collected()
      const stdout = new WrittenStream((written) => {
        if (!kept) return
        if (output.length + written.byteLength > mostOutput) throw new TooMuchOutput()
        output.add(written)
      })
      const stderr = new WrittenStream((written) => {
        errors.add(written.subarray(-ERRORS_KEPT_BYTES))
        if (errors.length > 4 * ERRORS_KEPT_BYTES) errors.keepEnd(ERRORS_KEPT_BYTES)
      })
      const standardInput = inputOf(input ?? new TextEncoder().encode(call.stdin ?? ''))
      const shim = new WASI(['program', ...call.arguments], [...call.env], [standardInput, stdout, stderr, disk.root], { debug: false })
      const random = seededRandom()
      random.seed(seed)
      const memory = plan.memory === null ? null : new WebAssembly.Memory(plan.memory)
      const host = wasiHost(shim, random.next)
      function failed(reason: Refusal['reason'], what: string): Refusal {
        errors.keepEnd(ERRORS_KEPT_BYTES)
        const said = lastLines(errors.all())
        return { reason, message: said === '' ? what : `${what}; standard error ends with:\n${said}` }
      }
      try {
        const instance = new WebAssembly.Instance(plan.module, {
          wasi_snapshot_preview1: host,
          ...(memory === null ? {} : { env: { memory } })
        })
        const { _start: start, memory: own } = instance.exports
        const used = memory ?? own
        if (typeof start !== 'function' || !(used instanceof WebAssembly.Memory))
          return failed('compile_error', 'The module has no _start or no memory')
        const code = shim.start({ exports: { memory: used, _start: () => (start as () => unknown)() } })
        if (code !== 0) return failed('runtime_error', `The program ended with exit code ${code}`)
      } catch (error) {
        if (error instanceof TooMuchOutput) return failed('output_too_large', `Standard output has more than ${mostOutput} bytes`)
        if (error instanceof WASIProcExit)
          return failed('runtime_error', `The program ended with exit code ${error.code} before it started`)
        return failed('runtime_error', errorText(error))
      }
      const value = wasiValue(task.outputs, wasi.outputs, output.all(), (name) => disk.output(name))
      return 'reason' in value ? failed(value.reason, value.message) : value
    }
  }
}
