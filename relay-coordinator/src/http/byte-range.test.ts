import { expect, it } from 'vitest'
import { byteRange } from './byte-range.ts'

it.each<[string | undefined, number, ReturnType<typeof byteRange>]>([
  [undefined, 10, null],
  ['bytes=0-', 10, { start: 0, end: 10 }],
  ['bytes=4-', 10, { start: 4, end: 10 }],
  ['bytes=4-4', 10, { start: 4, end: 5 }],
  ['bytes=4-99', 10, { start: 4, end: 10 }],
  ['bytes=-3', 10, { start: 7, end: 10 }],
  ['bytes=-99', 10, { start: 0, end: 10 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=-5', 0, 'unsatisfiable'],
  ['bytes=5-4', 10, null],
  ['bytes=0-1,3-4', 10, null],
  ['bytes=-', 10, null],
  ['bytes=a-b', 10, null],
  ['bytes=1e3-', 10, null],
  ['bytes=9999999999999999-', 10, null],
  ['items=0-1', 10, null]
])('takes %s of %i bytes for %j', (header, bytes, range) => {
  expect(byteRange(header, bytes)).toEqual(range)
})
