import { ELEMENT_BYTES, elementCount, unitValueBytes, type ElementType, type OutputSpec } from '@peercompute/job-specs'

export type ElementArray = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array
type Constructor = new (buffer: ArrayBuffer) => ElementArray

const arrays: Readonly<Record<ElementType, Constructor>> = {
  u8: Uint8Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array
}

/** Bytes as elements of the type, copied to an aligned buffer. This machine must be little-endian, as all are that run the tests. */
export function typedArray(type: ElementType, bytes: Uint8Array): ElementArray {
  return new arrays[type](Uint8Array.from(bytes).buffer)
}

/** A unit's value from its outputs by name. Throws when one is missing, of another type or of another length. */
export function unitValue(outputs: readonly OutputSpec[], byName: Readonly<Record<string, unknown>>): Uint8Array {
  const value = new Uint8Array(unitValueBytes(outputs))
  let offset = 0
  for (const output of outputs) {
    const array = byName[output.name]
    const bytes = elementCount(output) * ELEMENT_BYTES[output.type]
    if (!(array instanceof arrays[output.type]))
      throw new TypeError(`Cannot take output "${output.name}": it is no array of ${output.type}`)
    if (array.byteLength !== bytes)
      throw new RangeError(`Cannot take output "${output.name}": ${array.byteLength} bytes instead of ${bytes}`)
    value.set(new Uint8Array(array.buffer, array.byteOffset, bytes), offset)
    offset += bytes
  }
  return value
}
