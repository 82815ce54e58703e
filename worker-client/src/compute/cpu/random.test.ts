import { describe, expect, it } from 'vitest'
import { seededRandom, unitSeed } from './random.ts'

describe('seededRandom', () => {
  it('gives the stream that ABI 1 promises', () => {
    const random = seededRandom()
    random.seed(unitSeed('a'.repeat(64), 0))
    expect([unitSeed('a'.repeat(64), 0), random.next(), random.next()]).toMatchInlineSnapshot(`
      [
        -2024240662,
        0.9765611968468875,
        0.892319182632491,
      ]
    `)
  })

  it('gives neighbouring units different streams and the same unit the same', () => {
    const random = seededRandom()
    const draw = (unit: number) => {
      random.seed(unitSeed('job', unit))
      return Array.from({ length: 20 }, random.next)
    }
    expect(draw(1)).toEqual(draw(1))
    expect(new Set(Array.from({ length: 1_000 }, (_, unit) => draw(unit)[0])).size).toBe(1_000)
  })

  it('is flat over the unit interval', () => {
    const random = seededRandom()
    const values = Array.from({ length: 160_000 }, random.next)
    const bins = Array.from({ length: 16 }, (_, bin) => values.filter((value) => Math.floor(value * 16) === bin).length)
    expect(bins.reduce((sum, bin) => sum + bin)).toBe(values.length)
    for (const bin of bins) expect(Math.abs(bin - 10_000)).toBeLessThan(500)
  })
})
