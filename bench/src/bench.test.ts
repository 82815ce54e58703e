import { expect, it } from 'vitest'
import { holds, median, medianRow } from './bench.ts'

it('median() takes the middle of odd counts and the mean of the middle two of even counts', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(() => median([])).toThrow(RangeError)
})

it('holds() compares the value with its target and refuses a target that it cannot read', () => {
  const row = medianRow('x', 's', [1, 2, 3], '<= 2')
  expect(holds(row)).toBe(true)
  expect(holds({ ...row, target: '>= 2.5' })).toBe(false)
  expect(holds({ ...row, target: null })).toBe(null)
  expect(() => holds({ ...row, target: 'fast' })).toThrow('fast')
})
