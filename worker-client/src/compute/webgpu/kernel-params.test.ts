import { describe, expect, it } from 'vitest'
import { makeShaderDataDefinitions } from 'webgpu-utils'
import { float16Bits } from './float16.ts'
import { packParams } from './kernel-params.ts'

Object.assign(globalThis, { GPUShaderStage: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 } })

function packed(struct: string, params: Parameters<typeof packParams>[1]): Uint8Array<ArrayBuffer> {
  const wgsl = `enable f16; ${struct} @group(1) @binding(0) var<uniform> params: Params; @compute @workgroup_size(1) fn main() { _ = params; }`
  const definition = makeShaderDataDefinitions(wgsl).uniforms.params
  if (definition === undefined) throw new Error('no uniform')
  const bytes = packParams(definition, params)
  if (typeof bytes === 'string') throw new Error(bytes)
  return bytes
}
const floats = (bytes: Uint8Array<ArrayBuffer>) => [...new Float32Array(bytes.buffer)]

describe('packParams', () => {
  it('lays out nested structs, arrays of vectors and matrices as WGSL does', () => {
    const bytes = packed('struct Inner { at: vec3f, weight: f32 } struct Params { n: u32, inner: array<Inner, 2>, turn: mat3x3f }', {
      n: 7,
      inner: [1, 2, 3, 4, 5, 6, 7, 8],
      turn: [1, 2, 3, 4, 5, 6, 7, 8, 9]
    })
    expect(new Uint32Array(bytes.buffer)[0]).toBe(7)
    expect(floats(bytes).slice(4)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0])
  })

  it('writes half-precision fields', () => {
    const bytes = packed('struct Params { scale: f16, offset: vec3h, n: i32 }', { scale: 1.5, offset: [-2, 0.1, 65504], n: -3 })
    expect([...new Uint16Array(bytes.buffer, 0, 7)]).toEqual([0x3e00, 0, 0, 0, 0xc000, 0x2e66, 0x7bff])
    expect(new Int32Array(bytes.buffer)[4]).toBe(-3)
  })

  it.each([
    ['a fraction', 'struct Params { n: u32 }', { n: 1.5 }],
    ['a negative number', 'struct Params { n: u32 }', { n: -1 }],
    ['a number beyond 32 bits', 'struct Params { n: i32 }', { n: 2 ** 31 }]
  ])('refuses %s for an integer', (_, struct, params) => {
    expect(() => packed(struct, params)).toThrow('params.n does not fit')
  })
})

describe('float16Bits', () => {
  it.each([
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -24, 2],
    [2 ** -14, 0x0400],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [Number.NaN, 0x7e00]
  ])('rounds %f to nearest, ties to even', (value, bits) => {
    expect(float16Bits(value)).toBe(bits)
  })
})
