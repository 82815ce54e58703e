import type { OutputSpec } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { least, outputFromBytes, total } from './unit-values.ts'

const outputs: OutputSpec[] = [
  { name: 'steps', type: 'u32', shape: [2] },
  { name: 'misfit', type: 'f32', shape: [1, 3] }
]

function value(): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 7, true)
  view.setUint32(4, 4_000_000_000, true)
  ;[1.5, -2, Number.NaN].forEach((number, index) => {
    view.setFloat32(8 + index * 4, number, true)
  })
  return bytes
}

describe('a unit value', () => {
  it('is cut into its outputs in declared order', () => {
    expect(outputFromBytes(outputs, 'steps', value())).toEqual(Float64Array.of(7, 4_000_000_000))
    expect(outputFromBytes(outputs, 'misfit', value())).toEqual(Float64Array.of(1.5, -2, Number.NaN))
  })

  it('is refused when a byte is missing, or the output is unknown', () => {
    expect(outputFromBytes(outputs, 'steps', value().subarray(1))).toBeNull()
    expect(outputFromBytes(outputs, 'nothing', value())).toBeNull()
  })

  it('reads the same from a slice of a larger buffer', () => {
    const larger = new Uint8Array(27)
    larger.set(value(), 7)
    expect(outputFromBytes(outputs, 'misfit', larger.subarray(7))?.[0]).toBe(1.5)
  })

  it('folds without NaN winning the minimum', () => {
    expect(least(Float64Array.of(3, Number.NaN, -1))).toBe(-1)
    expect(total(Float64Array.of(1, 2, 3))).toBe(6)
  })
})
