/**
 * Sums up a JSON report of vitest. A file that could not be loaded has no tests of its own and counts as one failure; so does a
 * run that ended badly although no test says so.
 *
 * @param {{numPassedTests: number, numFailedTests: number, numPendingTests?: number, numTodoTests?: number, testResults: {name: string, status: string, message?: string, assertionResults: {status: string}[]}[]} | undefined} report
 * @param {number} exitCode of vitest
 */
export function tally(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')
  )
  const failed = report.numFailedTests + broken.length
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0)
  }
}
