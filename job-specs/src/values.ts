/** Reading the bytes of a unit's value: its outputs in declared order, little-endian, without padding. */
import { PeerComputeError } from './errors.ts'
import { ELEMENT_BYTES, elementCount, unitValueBytes, type ElementType, type OutputSpec } from './kernel.ts'

const readers: Readonly<Record<ElementType, (view: DataView, offset: number) => number>> = {
  u8: (view, offset) => view.getUint8(offset),
  i32: (view, offset) => view.getInt32(offset, true),
  u32: (view, offset) => view.getUint32(offset, true),
  f32: (view, offset) => view.getFloat32(offset, true),
  f64: (view, offset) => view.getFloat64(offset, true)
}

/**
 * Elements of one output, slowest dimension first. `value` must be `unitValueBytes(outputs)` long and `name` declared:
 * both are checked when a result is accepted, so a violation throws INTERNAL.
 */
export function outputElements(outputs: readonly OutputSpec[], name: string, value: Uint8Array): number[] {
  const wanted = unitValueBytes(outputs)
  if (value.length !== wanted) throw new PeerComputeError('INTERNAL', `A value of ${value.length} bytes was read as one of ${wanted}.`)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  let offset = 0
  for (const output of outputs) {
    const size = ELEMENT_BYTES[output.type]
    if (output.name === name)
      return Array.from({ length: elementCount(output) }, (_, index) => readers[output.type](view, offset + index * size))
    offset += elementCount(output) * size
  }
  throw new PeerComputeError('INTERNAL', `The outputs have no "${name}".`)
}
