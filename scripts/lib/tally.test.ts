import { expect, test } from 'vitest'
import { tally } from './tally.mjs'

const good = { passed: 2, failed: 0, skipped: 3, failures: [], second: [] }

test('a good run counts as it says', () => {
  expect(tally(good, 0, 'unit')).toEqual(good)
})

test('failures count as the summary says, once', () => {
  const bad = { ...good, failed: 1, failures: [{ name: 'a.test.ts > adds', message: 'Error: 2 is not 3' }] }
  expect(tally(bad, 1, 'unit')).toEqual(bad)
})

test('a bad end without a failed test is a failure', () => {
  expect(tally(good, 1, 'unit')).toEqual({ ...good, failed: 1, failures: [{ name: 'unit tests', message: 'vitest ended with 1' }] })
})

test('no summary is a failure', () => {
  expect(tally(undefined, 0, 'unit')).toMatchObject({ passed: 0, failed: 1, failures: [{ message: 'no summary, vitest ended with 0' }] })
})
