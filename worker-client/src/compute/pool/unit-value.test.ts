import { describe, expect, it } from 'vitest'
import { packOutputs, type OutputLayout } from './unit-value.ts'

const layouts: OutputLayout[] = [
  { name: 'mask', type: 'u8', shape: [3] },
  { name: 'field', type: 'f64', shape: [1, 2] }
]

describe('packOutputs', () => {
  it('joins the outputs in declared order without padding', () => {
    const value = packOutputs({ field: new Float64Array([1, -2]), mask: new Uint8Array([7, 8, 9]) }, layouts, 100)
    expect(value).toBeInstanceOf(Uint8Array)
    expect(Buffer.from(value as Uint8Array).toString('hex')).toBe('070809' + '000000000000f03f' + '00000000000000c0')
  })

  it('takes views into larger buffers and copies only what they show', () => {
    const large = new Uint8Array(1_000).fill(5)
    const value = packOutputs({ mask: large.subarray(10, 13), field: new Float64Array(2) }, layouts, 100) as Uint8Array
    expect(value.buffer.byteLength).toBe(19)
    expect([...value.subarray(0, 3)]).toEqual([5, 5, 5])
  })

  it('gives every NaN the same bits', () => {
    const nan = new Float32Array(new Uint32Array([0xffc12345, 0x7fc00001]).buffer)
    const value = packOutputs({ x: nan }, [{ name: 'x', type: 'f32', shape: [2] }], 100)
    expect(Buffer.from(value as Uint8Array).toString('hex')).toBe('0000c07f0000c07f')
    const double = new Float64Array(new BigUint64Array([0xfff8000000000123n]).buffer)
    expect(Buffer.from(packOutputs({ x: double }, [{ name: 'x', type: 'f64', shape: [1] }], 100) as Uint8Array).toString('hex')).toBe(
      '000000000000f87f'
    )
  })

  it.each([
    ['nothing', undefined, 'output_shape', 'returned nothing'],
    ['no such output', { mask: new Uint8Array(3) }, 'output_shape', 'Output "field" is nothing, wanted Float64Array(2)'],
    ['another type', { mask: [1, 2, 3], field: new Float64Array(2) }, 'output_shape', 'Output "mask" is Array(3), wanted Uint8Array(3)'],
    [
      'another length',
      { mask: new Uint8Array(2), field: new Float64Array(2) },
      'output_shape',
      'Output "mask" is Uint8Array(2), wanted Uint8Array(3)'
    ],
    ['too many bytes', { mask: new Uint8Array(101), field: new Float64Array(2) }, 'output_too_large', 'over the limit of 100 bytes'],
    [
      'an inherited output',
      Object.create({ mask: new Uint8Array(3), field: new Float64Array(2) }) as object,
      'output_shape',
      'Output "mask" is nothing'
    ]
  ])('refuses %s', (_, returned, reason, words) => {
    const refusal = packOutputs(returned, layouts, 100)
    expect(refusal).toMatchObject({ reason, message: expect.stringContaining(words) as string })
  })
})
