/** How many steps lie between two floating-point numbers. */
import type { ElementType } from './kernel.ts'

const f32 = new Float32Array(1)
const f32Bits = new Int32Array(f32.buffer)
const f64 = new Float64Array(1)
const f64Bits = new BigInt64Array(f64.buffer)

const MAGNITUDE_32 = 0x7fff_ffff
const MAGNITUDE_64 = 0x7fff_ffff_ffff_ffffn

/** Place of a number in the order of all f32, 0 for both zeros: IEEE 754 numbers are sign and magnitude, and magnitudes sort as integers. */
function placeAmongF32(x: number): number {
  f32[0] = x
  const bits = f32Bits[0] ?? 0
  return bits < 0 ? -(bits & MAGNITUDE_32) : bits
}

function placeAmongF64(x: number): bigint {
  f64[0] = x
  const bits = f64Bits[0] ?? 0n
  return bits < 0n ? -(bits & MAGNITUDE_64) : bits
}

/**
 * Steps from one representable number to the next that lead from `x` to `y`, both finite and of the given type; −0 and 0 are one
 * number. Exact up to 2^53, rounded above. Integer types have no such steps: the distance of different integers is Infinity.
 */
export function ulpDistance(type: ElementType, x: number, y: number): number {
  if (x === y) return 0
  if (type === 'f32') return Math.abs(placeAmongF32(x) - placeAmongF32(y))
  if (type !== 'f64') return Infinity
  const distance = placeAmongF64(x) - placeAmongF64(y)
  return Number(distance < 0n ? -distance : distance)
}
