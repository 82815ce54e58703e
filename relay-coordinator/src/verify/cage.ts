/**
 * Programs of jobs that the coordinator runs itself: QuickJS inside WebAssembly, with no globals of the host, no imports, no clock and no
 * randomness but a seeded one. Steps are counted, not timed, so a program ends at the same place on every machine. Each call has an
 * interpreter of its own, so nothing is left for the next one.
 *
 * Loops inside built-in functions (`indexOf` on an array-like of 2^53 elements) are not counted and never end: a cage lives in a thread
 * that its owner can end, see cage-thread.ts.
 */
import { z } from 'zod'
import {
  newQuickJSWASMModuleFromVariant,
  Scope,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule
} from 'quickjs-emscripten-core'
import type { ElementType } from '@peercompute/job-specs'
import type { Elements, Seed } from '@peercompute/job-specs/verifiers'
import { CAGE_PRELUDE } from './cage-prelude.ts'

/** Heap of the interpreter; what it is given lies outside of it. */
export const CAGE_MEMORY_BYTES = 33_554_432
/** QuickJS's own measure. More, and a deep recursion meets the end of the engine's stack first. */
export const CAGE_STACK_BYTES = 262_144
/** Steps between two looks at the fuel: jumps and calls (JS_INTERRUPT_COUNTER_INIT of QuickJS). A turn of a loop takes two. */
export const STEPS_PER_TICK = 10_000

/** What a program is given: plain values, and typed arrays that it may write to. `seed` becomes a function like Math.random. */
export type CageValue =
  null | boolean | number | string | Elements | readonly CageValue[] | { readonly seed: Seed } | { readonly [name: string]: CageValue }

export type CageFault = 'program' | 'thrown' | 'out_of_fuel' | 'out_of_memory' | 'crashed' | 'bad_answer'

/** `answer` is what the program returned, cut down to plain fields: to be read through a schema. */
export type CageOutcome =
  { readonly ok: true; readonly answer: unknown } | { readonly ok: false; readonly fault: CageFault; readonly detail: string }

export interface CageCall {
  /** An ES module without imports. */
  readonly source: string
  /** Its export that is called; `default` does as well. */
  readonly entry: 'verify' | 'agree'
  readonly args: readonly CageValue[]
  /** In ticks of STEPS_PER_TICK. */
  readonly fuel: number
}

export interface Cage {
  call(call: CageCall): CageOutcome
  /** The engine itself has given up and its memory cannot be trusted any more: end the thread. */
  readonly broken: boolean
}

const answerSchema = z.strictObject({ kind: z.string(), answer: z.unknown() })

export async function openCage(): Promise<Cage> {
  const engine = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'))
  let broken = false
  return {
    get broken() {
      return broken
    },
    call(call) {
      try {
        return run(engine, call)
      } catch (error) {
        broken = true
        return fault('crashed', `The interpreter gave up: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}

function fault(fault: CageFault, detail: string): CageOutcome {
  return { ok: false, fault, detail: detail.slice(0, 500) }
}

function run(engine: QuickJSWASMModule, { source, entry, args, fuel }: CageCall): CageOutcome {
  return Scope.withScope((scope) => {
    let ticks = 0
    const runtime = scope.manage(engine.newRuntime({ memoryLimitBytes: CAGE_MEMORY_BYTES, maxStackSizeBytes: CAGE_STACK_BYTES }))
    runtime.setInterruptHandler(() => ++ticks > fuel)
    const context = scope.manage(runtime.newContext({ intrinsics: INTRINSICS }))
    const keep = (handle: QuickJSHandle): QuickJSHandle => scope.manage(handle)
    const prelude = keep(context.unwrapResult(context.evalCode(CAGE_PRELUDE, 'prelude.js')))
    const guard = (name: string): QuickJSHandle => keep(context.getProp(prelude, name))
    const [view, random, described, call] = [guard('view'), guard('random'), guard('described'), guard('call')]
    const limit = (): CageOutcome =>
      ticks > fuel
        ? fault('out_of_fuel', `The program took more than ${fuel * STEPS_PER_TICK} steps.`)
        : fault('out_of_memory', 'The program took more memory or a deeper stack than it may.')

    const module = context.evalCode(source, 'program.js', { type: 'module' })
    if (module.error) {
      keep(module.error)
      if (ticks > fuel) return limit()
      const text = context.callFunction(described, context.undefined, module.error)
      if (text.error) return (keep(text.error), limit())
      return fault('program', `The program cannot be loaded: ${context.getString(keep(text.value))}`)
    }
    keep(module.value)
    const program = [entry, 'default']
      .map((name) => keep(context.getProp(module.value, name)))
      .find((value) => context.typeof(value) === 'function')
    if (program === undefined) return fault('program', `The program exports no function "${entry}".`)
    const handles = args.map((value) => keep(toHandle(value, { context, view, random, keep })))
    const result = context.callFunction(call, context.undefined, program, ...handles)
    if (result.error) return (keep(result.error), limit())
    return read(context.getString(keep(result.value)), entry)
  })
}

/** No Date: a verdict must not depend on when it is asked for. */
const INTRINSICS = {
  BaseObjects: true,
  Eval: true,
  JSON: true,
  Proxy: true,
  MapSet: true,
  RegExp: true,
  RegExpCompiler: true,
  TypedArrays: true,
  Promise: true,
  BigInt: true
}

interface Making {
  readonly context: QuickJSContext
  readonly view: QuickJSHandle
  readonly random: QuickJSHandle
  readonly keep: (handle: QuickJSHandle) => QuickJSHandle
}

function toHandle(value: CageValue, making: Making): QuickJSHandle {
  const { context, view, random, keep } = making
  if (value === null) return context.null
  if (typeof value === 'number') return context.newNumber(value)
  if (typeof value === 'string') return context.newString(value)
  if (typeof value === 'boolean') return value ? context.true : context.false
  if (ArrayBuffer.isView(value)) {
    const bytes = value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength)
    const buffer = keep(context.newArrayBuffer(bytes))
    return context.unwrapResult(context.callFunction(view, context.undefined, keep(context.newString(kindOf(value))), buffer))
  }
  if (isSeed(value)) {
    const words = value.seed.map((word) => keep(context.newNumber(word)))
    return context.unwrapResult(context.callFunction(random, context.undefined, ...words))
  }
  const entries = Object.entries(value)
  const object = Array.isArray(value) ? context.newArray() : context.newObject()
  for (const [name, part] of entries) context.setProp(object, name, keep(toHandle(part, making)))
  return object
}

function isSeed(value: object): value is { readonly seed: Seed } {
  return 'seed' in value && Array.isArray(value.seed) && value.seed.length === 4
}

function kindOf(elements: Elements): ElementType {
  if (elements instanceof Uint8Array) return 'u8'
  if (elements instanceof Int32Array) return 'i32'
  if (elements instanceof Uint32Array) return 'u32'
  return elements instanceof Float32Array ? 'f32' : 'f64'
}

function read(text: string, entry: string): CageOutcome {
  const parsed = answerSchema.safeParse(JSON.parse(text))
  if (!parsed.success) return fault('bad_answer', `${entry} returned what cannot be read.`)
  const { kind, answer } = parsed.data
  switch (kind) {
    case 'thrown':
      return fault('thrown', `${entry} threw: ${String(answer)}`)
    case 'promise':
      return fault('bad_answer', `${entry} returned a promise; it must return its answer at once.`)
    case 'boolean':
    case 'object':
      return { ok: true, answer }
    default:
      return fault('bad_answer', `${entry} returned ${kind}.`)
  }
}
