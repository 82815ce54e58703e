const F32 = new Float32Array(1)
const BITS = new Uint32Array(F32.buffer)

/** Bits of the nearest half-precision number, ties to even. Too large becomes infinity. */
export function float16Bits(value: number): number {
  F32[0] = value
  const [bits = 0] = BITS
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | rounded(Math.abs(value) * 2 ** 24)
  const odd = (magnitude >>> 13) & 1
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13)
}

/** To the nearest integer, ties to even. */
function rounded(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
