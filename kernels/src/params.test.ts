import { describe, expect, it } from 'vitest'
import { resolveParams } from './params.ts'
import { kernelNames, registry } from './registry.ts'

const refusal = (path: string): unknown => expect.objectContaining({ code: 'JOB_INVALID', place: { path } })

describe('resolveParams()', () => {
  it.each(kernelNames)('accepts the defaults of %s', (name) => {
    const params = resolveParams(registry[name], {})
    expect(Object.keys(params).sort()).toEqual(Object.keys(registry[name].params).sort())
  })

  it('puts what is given over the defaults', () => {
    expect(resolveParams(registry['n-queens'], { n: 14 })).toEqual({ n: 14 })
  })

  it('names the unknown parameter and those that exist', () => {
    expect(() => resolveParams(registry['n-queens'], { m: 4 })).toThrow(refusal('params.m'))
    expect(() => resolveParams(registry['n-queens'], { m: 4 })).toThrow('only n')
    expect(() => resolveParams(registry['n-queens'], { toString: 4 })).toThrow(refusal('params.toString'))
  })

  it.each([4, 17, 10.5, Number.NaN, Infinity, '12', [12], null])('refuses n = %j', (n) => {
    // A null is what JSON makes of NaN: the default must not stand in for it.
    expect(() => resolveParams(registry['n-queens'], { n })).toThrow(refusal('params.n'))
  })

  it('refuses ranges that are empty and pictures that leave the numbers', () => {
    expect(() => resolveParams(registry['keeling-fit'], { sineFrom: 4, sineTo: 4 })).toThrow(refusal('params'))
    expect(() => resolveParams(registry.mandelbrot, { rows: 1024 })).toThrow('reaches past ±4')
    expect(() => resolveParams(registry.mandelbrot, { width: 1023 })).toThrow('at least 1024')
  })
})
