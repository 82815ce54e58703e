import { describe, expect, it } from 'vitest'
import { outputElements } from './values.ts'
import type { OutputSpec } from './kernel.ts'

const outputs: OutputSpec[] = [
  { name: 'flags', type: 'u8', shape: [3] },
  { name: 'energy', type: 'f32', shape: [1, 2] },
  { name: 'shift', type: 'i32', shape: [1] },
  { name: 'exact', type: 'f64', shape: [1] },
  { name: 'count', type: 'u32', shape: [1] }
]

function exampleValue(): Uint8Array {
  // Starts at an odd address on purpose: a value is a slice of a frame.
  const bytes = new Uint8Array(new ArrayBuffer(40), 1, 3 + 8 + 4 + 8 + 4)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  bytes.set([1, 2, 255])
  view.setFloat32(3, 1.5, true)
  view.setFloat32(7, -0.25, true)
  view.setInt32(11, -7, true)
  view.setFloat64(15, 0.1, true)
  view.setUint32(23, 4_000_000_000, true)
  return bytes
}

describe('outputElements()', () => {
  it('reads every element type at its place, little-endian and unaligned', () => {
    const value = exampleValue()
    expect(outputElements(outputs, 'flags', value)).toEqual([1, 2, 255])
    expect(outputElements(outputs, 'energy', value)).toEqual([1.5, -0.25])
    expect(outputElements(outputs, 'shift', value)).toEqual([-7])
    expect(outputElements(outputs, 'exact', value)).toEqual([0.1])
    expect(outputElements(outputs, 'count', value)).toEqual([4_000_000_000])
  })

  it('refuses a value of another length and a name that is not an output', () => {
    expect(() => outputElements(outputs, 'flags', new Uint8Array(5))).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    expect(() => outputElements(outputs, 'nothing', exampleValue())).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })
})
