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

/** One output inside a value; its elements are read without copying them. */
export interface OutputReader {
  readonly output: OutputSpec
  /** First byte inside the value. */
  readonly offset: number
  readonly count: number
  /** `index` must be below `count`. Slowest dimension first. */
  at(index: number): number
}

/** In declared order. `value` must be `unitValueBytes(outputs)` long: it is checked when a result is accepted, so INTERNAL otherwise. */
export function outputReaders(outputs: readonly OutputSpec[], value: Uint8Array): readonly OutputReader[] {
  const wanted = unitValueBytes(outputs)
  if (value.length !== wanted) throw new PeerComputeError('INTERNAL', `A value of ${value.length} bytes was read as one of ${wanted}.`)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  let next = 0
  return outputs.map((output) => {
    const [offset, size, count, read] = [next, ELEMENT_BYTES[output.type], elementCount(output), readers[output.type]]
    next += size * count
    return { output, offset, count, at: (index) => read(view, offset + index * size) }
  })
}

/**
 * Elements of one output, slowest dimension first. `value` must be `unitValueBytes(outputs)` long and `name` declared:
 * both are checked when a result is accepted, so a violation throws INTERNAL.
 */
export function outputElements(outputs: readonly OutputSpec[], name: string, value: Uint8Array): number[] {
  const reader = outputReaders(outputs, value).find(({ output }) => output.name === name)
  if (reader === undefined) throw new PeerComputeError('INTERNAL', `The outputs have no "${name}".`)
  return Array.from({ length: reader.count }, (_, index) => reader.at(index))
}
