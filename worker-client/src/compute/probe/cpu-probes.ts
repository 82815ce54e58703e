/**
 * Built-in kernels that measure CPU executors, alike in JavaScript and WASM. Unit 0 tells the numeric class; then each kind of work
 * is done twice, because the first time warms the compiler up: units 1 and 2 floating point, 3 and 4 integers, 5 and 6 memory.
 */
import type { OutputLayout } from '../pool/unit-value.ts'

const ROUNDS = 5_000_000
const TRIAD_LENGTH = 1_048_576
const TRIAD_ROUNDS = 4

/** What one unit of each kind of work does: operations, and bytes read and written. */
export const CPU_PROBE_WORK = {
  /** Two multiplies and two adds a round. */
  floatOperations: ROUNDS * 4,
  /** A multiply, an add, a shift and an exclusive or a round. */
  integerOperations: ROUNDS * 4,
  /** c = a + 3 b over f64. */
  bytes: TRIAD_ROUNDS * TRIAD_LENGTH * 24
} as const

/** Bits of the functions whose results the language leaves to the engine. */
export const JS_PROBE: { readonly text: string; readonly outputs: readonly OutputLayout[] } = {
  outputs: [
    { name: 'bits', type: 'f64', shape: [8, 64] },
    { name: 'sink', type: 'f64', shape: [1] }
  ],
  text: `function classify() {
  const functions = [Math.sin, Math.cos, Math.tan, Math.exp, Math.log, Math.cbrt, Math.sinh, (x) => Math.pow(x, 1.37)]
  return Float64Array.from({ length: 512 }, (_, i) => functions[i >> 6]((((i & 63) * 7919) % 1024 + 1) * 0.0123))
}
function floats() {
  let x = 1, y = 0.5
  for (let i = 0; i < ${ROUNDS}; i++) { x = x * 0.999999 + y; y = y * 0.999998 + 0.000001 }
  return x + y
}
function integers() {
  let x = 1, y = 0
  for (let i = 0; i < ${ROUNDS}; i++) { x = (Math.imul(x, 1664525) + 1013904223) | 0; y ^= x >>> 7 }
  return y
}
let arrays
function triad() {
  arrays ??= [new Float64Array(${TRIAD_LENGTH}).map((_, i) => i), new Float64Array(${TRIAD_LENGTH}).fill(0.5), new Float64Array(${TRIAD_LENGTH})]
  const [a, b, c] = arrays
  for (let round = 0; round < ${TRIAD_ROUNDS}; round++) for (let i = 0; i < ${TRIAD_LENGTH}; i++) c[i] = a[i] + 3 * b[i]
  return c[${TRIAD_LENGTH - 1}]
}
export default function probe({ unit }) {
  if (unit === 0) return { bits: classify(), sink: new Float64Array(1) }
  return { bits: new Float64Array(512), sink: new Float64Array([unit < 3 ? floats() : unit < 5 ? integers() : triad()]) }
}
`
}

/*
 * AssemblyScript 0.28, asc --importMemory --noExportMemory --runtime stub -O3 --converge --noAssert --initialMemory 1
 * --maximumMemory 1024 --use abort=, from:
 *   // The memory beyond the first page belongs to the triad: three arrays of 2^20 f64.
 *   const LENGTH: i32 = 1 << 20
 *   const BYTES: usize = <usize>LENGTH * 8
 *   let base: usize = 0
 *
 *   export function alloc(bytes: usize): usize { return heap.alloc(bytes) }
 *
 *   function floats(): f64 {
 *     let x: f64 = 1, y: f64 = 0.5
 *     for (let i = 0; i < 5000000; i++) { x = x * 0.999999 + y; y = y * 0.999998 + 0.000001 }
 *     return x + y
 *   }
 *   function integers(): f64 {
 *     let x: u32 = 1, y: u32 = 0
 *     for (let i = 0; i < 5000000; i++) { x = x * 1664525 + 1013904223; y ^= x >> 7 }
 *     return <f64>y
 *   }
 *   function triad(): f64 {
 *     if (base == 0) {
 *       base = (<usize>memory.size()) << 16
 *       if (memory.grow(<i32>((3 * BYTES) >> 16)) < 0) return -1
 *       for (let i = 0; i < LENGTH; i++) { store<f64>(base + (<usize>i << 3), <f64>i); store<f64>(base + BYTES + (<usize>i << 3), 0.5) }
 *     }
 *     const c = base + 2 * BYTES
 *     for (let round = 0; round < 4; round++)
 *       for (let i = 0; i < LENGTH; i++) { const at = <usize>i << 3; store<f64>(c + at, load<f64>(base + at) + 3.0 * load<f64>(base + BYTES + at)) }
 *     return load<f64>(c + BYTES - 8)
 *   }
 *   export function compute(unit: f64, params: usize, inputs: usize, outputs: usize): i32 {
 *     const result = unit == 0 ? 0 : unit < 3 ? floats() : unit < 5 ? integers() : triad()
 *     store<f64>(load<u32>(outputs), result)
 *     return 0
 *   }
 */
const WASM_BASE64 =
  'AGFzbQEAAAABEQNgAABgBHx/f38Bf2ABfwF/AhEBA2VudgZtZW1vcnkCAQGACAMEAwABAgYLAn8BQQALfwFBAAsHEwIFYWxsb2MAAgdjb21wdXRlAAEIAQAK' +
  'ygQDBwBBjAgkAQvHAwICfwF8IABEAAAAAAAAAABhBHxEAAAAAAAAAAAFIABEAAAAAAAACEBjBHxEAAAAAAAA8D8hBkQAAAAAAADgPyEAQQAhAQNAIAFBwJax' +
  'AkgEQCAGROkLIef9/+8/oiAAoCEGIABE0xdCzvv/7z+iRI3ttaD3xrA+oCEAIAFBAWohAQwBCwsgBiAAoAUgAEQAAAAAAAAUQGMEfEEBIQRBACEBQQAhAgNA' +
  'IAJBwJaxAkgEQCABIARBjczlAGxB3+a74wNqIgRBB3ZzIQEgAkEBaiECDAELCyABuAUCfCMARQRAPwBBEHQkAEQAAAAAAADwv0GAA0AAQQBIDQEaQQAhAQNA' +
  'IAFBgIDAAEgEQCABQQN0IgIjAGogAbc5AwAjAEGAgIAEaiACakQAAAAAAADgPzkDACABQQFqIQEMAQsLCyMAQYCAgAhqIQVBACECA0AgAkEESARAQQAhAQNA' +
  'IAFBgIDAAEgEQCAFIAFBA3QiBGojACAEaisDACMAQYCAgARqIARqKwMARAAAAAAAAAhAoqA5AwAgAUEBaiEBDAELCyACQQFqIQIMAQsLIAVB+P//A2orAwAL' +
  'CwsLIQAgAygCACAAOQMAQQALdwEEfyAAQfz///8DSwRAAAsjAUEEaiIBIABBE2pBcHFBBGsiAmoiAD8AIgNBEHRBD2pBcHEiBEsEQCADIAAgBGtB//8DakGA' +
  'gHxxQRB2IgQgAyAEShtAAEEASARAIARAAEEASARAAAsLCyMBIAAkASACNgIAIAEL'

export const WASM_PROBE: { readonly outputs: readonly OutputLayout[] } = { outputs: [{ name: 'sink', type: 'f64', shape: [1] }] }

export function wasmProbeBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(WASM_BASE64), (character) => character.charCodeAt(0))
}
