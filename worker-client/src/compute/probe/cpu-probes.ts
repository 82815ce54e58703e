/** Built-in kernels that measure CPU executors. Both do the same floating-point work in a unit. */
import type { OutputLayout } from '../pool/unit-value.ts'

const ROUNDS = 5_000_000
/** Two multiplies and two adds a round. */
export const PROBE_OPERATIONS = ROUNDS * 4

/** Bits of the functions whose results the language leaves to the engine. */
export const JS_PROBE: { readonly text: string; readonly outputs: readonly OutputLayout[] } = {
  outputs: [
    { name: 'bits', type: 'f64', shape: [8, 64] },
    { name: 'sink', type: 'f64', shape: [1] }
  ],
  text: `export default function probe() {
  const functions = [Math.sin, Math.cos, Math.tan, Math.exp, Math.log, Math.cbrt, Math.sinh, (x) => Math.pow(x, 1.37)]
  const bits = Float64Array.from({ length: 512 }, (_, i) => functions[i >> 6]((((i & 63) * 7919) % 1024 + 1) * 0.0123))
  let x = 1, y = 0.5
  for (let i = 0; i < ${ROUNDS}; i++) { x = x * 0.999999 + y; y = y * 0.999998 + 0.000001 }
  return { bits, sink: new Float64Array([x + y]) }
}
`
}

/*
 * AssemblyScript 0.28, asc --importMemory --runtime stub -O3 --converge --noAssert --initialMemory 1 --use abort=, from:
 *   export function alloc(bytes: usize): usize { return heap.alloc(bytes) }
 *   export function compute(unit: f64, params: usize, inputs: usize, outputs: usize): i32 {
 *     let x: f64 = 1, y: f64 = 0.5
 *     for (let i = 0; i < 5000000; i++) { x = x * 0.999999 + y; y = y * 0.999998 + 0.000001 }
 *     store<f64>(load<u32>(outputs), x + y)
 *     return 0
 *   }
 */
const WASM_BASE64 =
  'AGFzbQEAAAABEQNgAABgBHx/f38Bf2ABfwF/Ag8BA2VudgZtZW1vcnkCAAEDBAMAAQIGBgF/AUEACwccAwVhbGxvYwACB2NvbXB1dGUAAQZtZW1vcnkCAAgB' +
  'AArtAQMHAEGMCCQAC2sCAXwBf0QAAAAAAADwPyEERAAAAAAAAOA/IQADQCAFQcCWsQJIBEAgBETpCyHn/f/vP6IgAKAhBCAARNMXQs77/+8/okSN7bWg98aw' +
  'PqAhACAFQQFqIQUMAQsLIAMoAgAgBCAAoDkDAEEAC3cBBH8gAEH8////A0sEQAALIwBBBGoiASAAQRNqQXBxQQRrIgJqIgA/ACIDQRB0QQ9qQXBxIgRLBEAg' +
  'AyAAIARrQf//A2pBgIB8cUEQdiIEIAMgBEobQABBAEgEQCAEQABBAEgEQAALCwsjACAAJAAgAjYCACABCw=='

export const WASM_PROBE: { readonly outputs: readonly OutputLayout[] } = { outputs: [{ name: 'sink', type: 'f64', shape: [1] }] }

export function wasmProbeBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(WASM_BASE64), (character) => character.charCodeAt(0))
}
