import { expect, it } from 'vitest'
import { holds, median, medianRow } from './bench.ts'
import { decodeProbe, encodeProbe } from './network/probe.ts'
import { peakInOneSecond } from './peak.ts'

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

it('peakInOneSecond() finds the fullest second wherever it begins', () => {
  expect(peakInOneSecond([])).toBe(0)
  expect(peakInOneSecond([900, 0, 1_899, 1_000, 1_900])).toBe(3)
})

it('decodeProbe() reads what encodeProbe() wrote, and nothing else', () => {
  expect(decodeProbe(encodeProbe(19))).toBe(19)
  expect(decodeProbe(encodeProbe(19).subarray(1))).toBeNull()
  expect(decodeProbe(new Uint8Array(512))).toBeNull()
})
