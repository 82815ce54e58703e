/** One unit's value, from the bytes of the wire, as an array of one output. */
import { ELEMENT_BYTES, elementCount, unitValueBytes, type ElementType, type JobSpec, type OutputSpec } from '@peercompute/job-specs'

const READ: Record<ElementType, (view: DataView, at: number) => number> = {
  u8: (view, at) => view.getUint8(at),
  i32: (view, at) => view.getInt32(at, true),
  u32: (view, at) => view.getUint32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true)
}

/** Null when the bytes do not have the declared length or there is no such output. */
export function outputFromBytes(outputs: readonly OutputSpec[], name: string, value: Uint8Array): Float64Array | null {
  if (value.length !== unitValueBytes(outputs)) return null
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  let offset = 0
  for (const output of outputs) {
    const length = elementCount(output)
    const size = ELEMENT_BYTES[output.type]
    if (output.name === name) {
      const start = offset
      return Float64Array.from({ length }, (_, index) => READ[output.type](view, start + index * size))
    }
    offset += length * size
  }
  return null
}

/** The output that the job's picture is drawn from. */
export function viewOutput(spec: Pick<JobSpec, 'view' | 'reduce' | 'outputs'>): OutputSpec | null {
  const name =
    spec.view !== undefined && spec.view.kind !== 'number' ? spec.view.output : spec.reduce.kind !== 'none' ? spec.reduce.output : undefined
  return spec.outputs.find((output) => output.name === name) ?? spec.outputs[0] ?? null
}

export function least(values: Float64Array): number {
  let best = Number.POSITIVE_INFINITY
  for (const value of values) if (value < best) best = value
  return best
}

export function total(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
