import type { OutputSpec } from '@peercompute/job-specs'
import { DownloadCheck } from '@peercompute/job-specs/download'
import { expect, it } from 'vitest'
import { elementPairs, PAIRS_SHOWN, verifySentence } from './verify.ts'

const outputs: OutputSpec[] = [
  { name: 'count', type: 'u32', shape: [1] },
  { name: 'field', type: 'f32', shape: [12] }
]
function value(count: number, field: readonly number[]): Uint8Array {
  return new Uint8Array([...new Uint8Array(Uint32Array.of(count).buffer), ...new Uint8Array(Float32Array.from(field).buffer)])
}
const zeros = Array.from({ length: 12 }, () => 0)

it('the elements that differ most are shown, in their order', () => {
  const pairs = elementPairs(outputs, value(3, zeros), value(3, zeros.with(11, 2).with(9, Number.NaN)))
  expect(pairs).toHaveLength(PAIRS_SHOWN)
  expect(pairs.slice(-2)).toEqual([
    { label: 'field[9]', there: 0, here: Number.NaN, difference: Number.NaN },
    { label: 'field[11]', there: 0, here: 2, difference: 2 }
  ])
})

it('without a difference the first ones are shown; NaN is itself, and −0 is 0', () => {
  const pairs = elementPairs(outputs, value(3, zeros.with(0, Number.NaN).with(1, -0)), value(3, zeros.with(0, Number.NaN)))
  expect(pairs.map(({ label }) => label)).toEqual(['count', ...Array.from({ length: 7 }, (_, index) => `field[${index}]`)])
  expect(pairs.every(({ difference }) => difference === 0)).toBe(true)
})

it('the sentence says what is so', () => {
  expect(verifySentence(null, null)).toBe('Check a result yourself.')
  expect(verifySentence(null, 50)).toMatch(/^Checking the download: 50\sunits so far\.$/)
  expect(verifySentence(new DownloadCheck().report(), null)).toMatch(/^2\schecks do not hold\. Do not use this file\.$/)
})
