/** JavaScript and WASM that goes wrong, by mistake or on purpose: what each tries, and how it must end. */
import { readFileSync } from 'node:fs'
import type { UnitFailure, Wasi } from '@peercompute/job-specs'
import type { TestJob } from '@peercompute/worker-client/testing/prepared-job'
import { wasmBytes, type WasmParts } from '@peercompute/worker-client/testing/wasm-bytes'

export interface BadProgram {
  readonly what: string
  readonly kind: 'js' | 'wasm'
  readonly job: TestJob
  readonly reason: UnitFailure
  /** Where another end is as good: an engine may notice later. */
  readonly orReason?: UnitFailure
  readonly message: RegExp
}

const MEMORY = 16_777_216
/** Of units that have to be stopped; the others get time to compile on a busy machine. */
const [STOPPED_AFTER, SECONDS] = [0.2, 10]
const tool = new Uint8Array(readFileSync(new URL(import.meta.resolve('@peercompute/worker-client/testing/wasi-tool.wasm'))))

function limitsOf(...ends: readonly (UnitFailure | undefined)[]): NonNullable<TestJob['limits']> {
  return { unitSeconds: ends.includes('timeout') ? STOPPED_AFTER : SECONDS, memoryBytes: MEMORY }
}

function js(what: string, body: string, reason: UnitFailure, message: RegExp, orReason?: UnitFailure): BadProgram {
  const job = {
    js: `export default ({ unit, params, inputs, checkpoint }) => {\n${body}\n}`,
    limits: limitsOf(reason, orReason)
  }
  return { what, kind: 'js', job, reason, message, ...(orReason === undefined ? {} : { orReason }) }
}

/** Exports `alloc` and `compute` of the right types are not needed where the module is refused or fails before they are called. */
const ABI: WasmParts = {
  imports: [['env.memory', [0, 1]]],
  exports: [
    ['alloc', 'function', 0],
    ['compute', 'function', 0]
  ]
}
const LOOP = [0x03, 0x40, 0x0c, 0, 0x0b]
function wasm(what: string, parts: WasmParts | Uint8Array, reason: UnitFailure, message: RegExp): BadProgram {
  const module = parts instanceof Uint8Array ? parts : wasmBytes(parts)
  return { what, kind: 'wasm', job: { wasm: module, limits: limitsOf(reason) }, reason, message }
}
function wasi(what: string, given: readonly string[], reason: UnitFailure, message: RegExp, module: Uint8Array = tool): BadProgram {
  const call: Wasi = { arguments: [...given], outputs: { value: { from: 'stdout', as: 'binary' } } }
  return { what, kind: 'wasm', job: { wasm: module, wasi: call, limits: limitsOf(reason) }, reason, message }
}

const OUT_OF_TURN = /more messages than it was asked for|what is no answer|out of turn|no answer/

/** What a kernel may throw and return: read by the same code wherever it runs. */
export const BAD_ANSWERS: readonly BadProgram[] = [
  js('an array that is too long', 'new Array(-1)', 'runtime_error', /RangeError/),
  js('a buffer that is too long', 'new ArrayBuffer(2 ** 50)', 'runtime_error', /RangeError/),
  js('a throw', 'throw new Error("no")', 'runtime_error', /^Error: no$/),
  js('a throw of nothing', 'throw undefined', 'runtime_error', /Thrown: undefined/),
  js('a throw whose words throw', 'throw { toString() { throw 1 } }', 'runtime_error', /cannot be read/),
  js(
    'an error whose name throws',
    'const e = new Error("x"); Object.defineProperty(e, "name", { get() { throw e } }); throw e',
    'runtime_error',
    /cannot be read/
  ),
  js(
    'a throw of a proxy',
    'throw new Proxy(function () {}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })',
    'runtime_error',
    /cannot be read/
  ),
  js('an error of a megabyte', 'throw new Error("x".repeat(1e6))', 'runtime_error', /^Error: x{100}/),
  js('nothing returned', '', 'output_shape', /returned nothing/),
  js('a number returned', 'return 7', 'output_shape', /returned number/),
  js('a proxy returned', 'return new Proxy({}, { getOwnPropertyDescriptor() { throw new Error("trap") } })', 'runtime_error', /trap/),
  js('a getter that throws', 'return { get value() { throw new Error("get") } }', 'runtime_error', /get/),
  js('an output without a constructor', 'return { value: Object.create(null) }', 'output_shape', /"value"/),
  js(
    'an output whose constructor throws',
    'return { value: { get constructor() { throw new Error("ctor") } } }',
    'runtime_error',
    /ctor/,
    'output_shape'
  ),
  js('a list in place of a typed array', 'return { value: [1] }', 'output_shape', /wanted Uint32Array\(1\)/),
  js(
    'a false typed array',
    'return { value: Object.setPrototypeOf({ length: 1, byteLength: 4 }, Uint32Array.prototype) }',
    'runtime_error',
    /TypeError/,
    'output_shape'
  ),
  js('another type', 'return { value: new Float64Array(1) }', 'output_shape', /Float64Array/),
  js('one element too many', 'return { value: new Uint32Array(2) }', 'output_shape', /Uint32Array\(2\)/),
  js('a huge array', 'return { value: new Uint32Array(2 ** 20) }', 'output_too_large', /over the limit/),
  js(
    'a part of a huge buffer that was given away',
    'const value = new Uint32Array(1); structuredClone(value, { transfer: [value.buffer] }); return { value }',
    'output_shape',
    /Uint32Array\(0\)/
  )
]

export const BAD_PROGRAMS: readonly BadProgram[] = [
  js('an endless loop', 'for (;;);', 'timeout', /longer than 0.2 s/),
  js('an endless chain of promises', 'const on = () => Promise.resolve().then(on)\nreturn on()', 'timeout', /longer than/),
  js('a promise that nobody keeps', 'return new Promise(() => {})', 'timeout', /longer than/),
  js('deep recursion', 'const deeper = () => deeper() + 1\ndeeper()', 'runtime_error', /RangeError/),
  js(
    'a state that cannot be saved',
    'for (let left = 4e9; left > 0; left--) checkpoint(() => 1)',
    'timeout',
    /longer than|cannot hold/,
    'runtime_error'
  ),
  js('a worker inside the worker', 'new Worker("data:text/javascript,")', 'runtime_error', /Error: Worker|undefined|not a constructor/),
  js('a message flood', 'for (let n = 0; n < 1e5; n++) postMessage(n)\nfor (;;);', 'runtime_error', OUT_OF_TURN, 'timeout'),
  js(
    'a forged answer of another unit',
    'postMessage({ type: "value", unit: unit + 1, value: new Uint8Array(4), computeMs: 0 })\nfor (;;);',
    'runtime_error',
    OUT_OF_TURN,
    'timeout'
  ),
  js('a forged "loaded"', 'postMessage({ type: "loaded" })\nfor (;;);', 'runtime_error', OUT_OF_TURN, 'timeout'),
  js(
    'a forged state of 20 MiB',
    'postMessage({ type: "saved", unit, state: new Uint8Array(20971520) })\nfor (;;);',
    'runtime_error',
    OUT_OF_TURN,
    'timeout'
  ),
  js('parameters changed', 'params.x = 1', 'runtime_error', /TypeError/),
  { ...js('no function', '', 'compile_error', /number/), job: { js: 'export default 7\n' } },
  {
    ...js('a kernel that throws when it is loaded', '', 'compile_error', /at home/),
    job: { js: 'throw new Error("at home")\nexport default () => 1\n' }
  },
  {
    ...js('a kernel that does not parse', '', 'compile_error', /line 3|SyntaxError/),
    job: { js: 'export default () => {\n  return ((\n}\n' }
  },
  js(
    'a heap flood',
    'const all = []\nfor (;;) all.push({ n: all.length, s: [unit, all.length] })',
    'out_of_memory',
    /died|memory/,
    'timeout'
  ),

  wasm('text in place of a module', new TextEncoder().encode('export default 1'), 'compile_error', /no WebAssembly module/),
  wasm('a damaged module', wasmBytes(ABI).subarray(0, 30), 'compile_error', /./),
  wasm('10 MiB of code', { ...ABI, functions: [new Array<number>(10_485_760).fill(0x01)] }, 'compile_error', /./),
  wasm('a memory of its own', { ...ABI, imports: [], memories: [[0, 1]], functions: [[]] }, 'compile_error', /defines its own memory/),
  wasm('a memory of 4 GiB', { ...ABI, imports: [['env.memory', [0, 0x80, 0x80, 0x04]]], functions: [[]] }, 'out_of_memory', /65536 pages/),
  wasm('shared memory', { ...ABI, imports: [['env.memory', [3, 1, 2]]], functions: [[]] }, 'compile_error', /shared/),
  wasm(
    'an import that is not given',
    { ...ABI, imports: [['env.memory', [0, 1]], ['env.abort']], functions: [[]] },
    'compile_error',
    /env\.abort/
  ),
  wasm('no exports', { imports: [['env.memory', [0, 1]]], functions: [[]] }, 'compile_error', /does not export/),
  wasm(
    'exports that are no functions',
    {
      ...ABI,
      exports: [
        ['alloc', 'memory', 0],
        ['compute', 'memory', 0]
      ],
      functions: [[]]
    },
    'compile_error',
    /does not export/
  ),
  wasm('a start function that loops', { ...ABI, functions: [LOOP], start: 0 }, 'timeout', /longer than/),
  wasm('a start function that traps', { ...ABI, functions: [[0x00]], start: 0 }, 'runtime_error', /unreachable/),
  wasm('an alloc that loops', { ...ABI, functions: [LOOP] }, 'timeout', /longer than/),
  wasm('an alloc that gives nothing', { ...ABI, functions: [[]] }, 'out_of_memory', /alloc gave no memory/),
  wasm('atomic instructions', { ...ABI, functions: [[0x41, 0, 0xfe, 0x10, 2, 0, 0x1a]] }, 'compile_error', /threads/),
  wasm(
    'relaxed SIMD',
    { ...ABI, functions: [[0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x1a]] },
    'compile_error',
    /relaxed SIMD/
  ),

  wasi('an endless loop in C', ['spin'], 'timeout', /longer than/),
  wasi('deep recursion in C', ['deep'], 'runtime_error', /RangeError|RuntimeError/),
  wasi('a trap in C', ['trap'], 'runtime_error', /unreachable/),
  wasi('an exit code', ['exit', '3', 'why'], 'runtime_error', /exit code 3; standard error ends with:\nwhy/),
  wasi('output without end', ['flood'], 'output_too_large', /Standard output/),
  wasi('a disk that is filled', ['fill', '/out/value'], 'output_too_large', /Standard output has 11 bytes/),
  wasi('a memory that grows without end', ['grow'], 'output_shape', /Standard output has 2 bytes/),
  wasi('a WASI program that is none', [], 'compile_error', /does not export _start/, wasmBytes({ memories: [[0, 1]], functions: [[]] })),
  wasi(
    'a start function in a WASI program that loops',
    [],
    'timeout',
    /longer than/,
    wasmBytes({
      memories: [[0, 1]],
      functions: [LOOP],
      start: 0,
      exports: [
        ['_start', 'function', 0],
        ['memory', 'memory', 0]
      ]
    })
  ),
  wasi(
    'a foreign import in a WASI program',
    [],
    'compile_error',
    /env\.system/,
    wasmBytes({ imports: [['env.system']], memories: [[0, 1]], functions: [[]] })
  )
]
