/*
 * AssemblyScript 0.28, asc --importMemory --runtime stub -O3 --converge --noAssert --initialMemory 1 --use abort=, from:
 *   export function alloc(bytes: usize): usize { return heap.alloc(bytes) }
 *   export function compute(unit: f64, params: usize, inputs: usize, outputs: usize): i32 {
 *     if (unit == 3) unreachable()
 *     if (unit == 4) return 7
 *     const data = load<u32>(inputs), n = load<u32>(inputs, 4) / 4
 *     let sum: u32 = 0
 *     for (let i: u32 = 0; i < n; i++) sum += load<u32>(data + i * 4)
 *     const out = load<u32>(outputs)
 *     store<u32>(out, load<u32>(out) + sum + u32(unit * load<f64>(params) + load<f64>(params, 16)))
 *     return 0
 *   }
 */
const BASE64 =
  'AGFzbQEAAAABEQNgAABgBHx/f38Bf2ABfwF/Ag8BA2VudgZtZW1vcnkCAAEDBAMAAQIGBgF/AUEACwccAwVhbGxvYwACB2NvbXB1dGUAAQZtZW1vcnkCAAgB' +
  'AAqDAgMHAEGMCCQAC4ABAQN/IABEAAAAAAAACEBhBEAACyAARAAAAAAAABBAYQRAQQcPCyACKAIAIQYgAigCBEECdiECA0AgAiAESwRAIAUgBiAEQQJ0aigC' +
  'AGohBSAEQQFqIQQMAQsLIAMoAgAiAiAAIAErAwCiIAErAxCg/AMgAigCACAFamo2AgBBAAt3AQR/IABB/P///wNLBEAACyMAQQRqIgEgAEETakFwcUEEayIC' +
  'aiIAPwAiA0EQdEEPakFwcSIESwRAIAMgACAEa0H//wNqQYCAfHFBEHYiBCADIARKG0AAQQBIBEAgBEAAQQBIBEAACwsLIwAgACQAIAI2AgAgAQs='

/** Adds up one u32 input, the first parameter times the unit, and the third parameter. Traps in unit 3, returns 7 in unit 4. */
export function wasmKernel(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(BASE64), (character) => character.charCodeAt(0))
}
