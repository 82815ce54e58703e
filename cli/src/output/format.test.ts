import { expect, test } from 'vitest'
import { bytes, count, duration, percent } from './format.ts'
import { printable } from './printable.ts'
import { bar } from './progress.ts'
import { table } from './table.ts'

test.each([
  [0.25, '0.3 ms'],
  [850, '850 ms'],
  [4_200, '4.2 s'],
  [200_000, '3 min 20 s'],
  [18_720_000, '5 h 12 min'],
  [183_600_000, '2 d 3 h'],
  [Infinity, 'unknown']
])('%d ms reads %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test.each([
  [0, 0, '0 %'],
  [1, 3, '33 %'],
  [9_996, 10_000, '99.9 %'],
  [1, 100_000, '0.0 %'],
  [7, 7, '100 %']
])('%d of %d is %s', (part, whole, text) => {
  expect(percent(part, whole)).toBe(text)
})

test('counts are grouped and sizes are in powers of ten', () => {
  expect(count(1_234_567)).toBe('1\u202f234\u202f567')
  expect([bytes(999), bytes(14_820), bytes(268_435_456)]).toEqual(['999 B', '14.8 kB', '268.4 MB'])
})

test('a bar is full only at the end', () => {
  expect([bar(0, 4, 4), bar(3, 4, 4), bar(999, 1_000, 4), bar(4, 4, 4)]).toEqual(['░░░░', '███░', '███░', '████'])
})

test('columns line up whatever the colour', () => {
  expect(
    table(
      ['A', 'B'],
      [
        ['\x1b[31mlong\x1b[0m', '1'],
        ['x', '22']
      ],
      [1]
    )
  ).toBe('A      B\n\x1b[31mlong\x1b[0m   1\nx     22\n')
})

test('text of strangers cannot steer the terminal', () => {
  expect(printable('a\x1b[2Jb\r\nc\u202ed\x07')).toBe('ab  c d ')
})
