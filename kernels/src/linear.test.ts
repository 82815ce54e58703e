import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { solveLinear } from './linear.ts'

describe('solveLinear()', () => {
  it('solves a system whose first pivot is 0', () => {
    expect(
      solveLinear(
        [
          [0, 2],
          [4, 1]
        ],
        [2, 9]
      )
    ).toEqual([2, 1])
  })

  it('gives back the solution that the right side was made of', () => {
    const entry = fc.double({ min: -1, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 4, maxLength: 4 }),
        fc.array(entry, { minLength: 4, maxLength: 4 }),
        (random, wanted) => {
          // A heavy diagonal keeps the system far from singular.
          const matrix = random.map((row, i) => row.map((value, j) => (i === j ? value + 6 : value)))
          const right = matrix.map((row) => row.reduce((sum, value, j) => sum + value * (wanted[j] ?? 0), 0))
          solveLinear(matrix, right).forEach((value, index) => {
            expect(value).toBeCloseTo(wanted[index] ?? Number.NaN, 12)
          })
        }
      )
    )
  })

  it('refuses a singular system', () => {
    expect(() =>
      solveLinear(
        [
          [1, 2],
          [2, 4]
        ],
        [1, 2]
      )
    ).toThrow(RangeError)
  })
})
