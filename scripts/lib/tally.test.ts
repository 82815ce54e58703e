import { expect, test } from 'vitest'
import { tally } from './tally.mjs'

const file = (status: string, tests: string[]) => ({ name: 'x.test.ts', status, assertionResults: tests.map((one) => ({ status: one })) })

test('tests are summed as the report says', () => {
  const report = { numPassedTests: 2, numFailedTests: 1, numPendingTests: 3, testResults: [file('failed', ['passed', 'passed', 'failed'])] }
  expect(tally(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 3 })
})

test('a file that cannot be loaded is a failure', () => {
  const report = { numPassedTests: 5, numFailedTests: 0, testResults: [file('failed', []), file('passed', ['passed'])] }
  expect(tally(report, 1)).toEqual({ passed: 5, failed: 1, skipped: 0 })
})

test('a bad end without a failed test is a failure', () => {
  expect(tally({ numPassedTests: 5, numFailedTests: 0, testResults: [] }, 1).failed).toBe(1)
})

test('no report is a failure', () => {
  expect(tally(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})
