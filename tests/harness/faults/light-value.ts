/** A value that anybody can compute and that tells the units apart: one `u32`. */
export function lightValue(unit: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(Math.imul(unit + 1, 2_654_435_761) >>> 8).buffer)
}
