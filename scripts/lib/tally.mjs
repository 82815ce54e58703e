/**
 * What a run of tests adds to the whole. No summary, or a run that ended badly although nothing in it says so, is one failure.
 *
 * @typedef {{ name: string, message: string }} Told
 * @typedef {{ passed: number, failed: number, skipped: number, failures: Told[], second: Told[] }} Tally `second`: passed at the second attempt only
 * @param {Tally | undefined} summary of summary-reporter.mjs
 * @param {number} exitCode of vitest
 * @param {string} project
 * @returns {Tally}
 */
export function tally(summary, exitCode, project) {
  const sum = summary ?? { passed: 0, failed: 0, skipped: 0, failures: [], second: [] }
  if (summary !== undefined && (sum.failed > 0 || exitCode === 0)) return sum
  const message = summary === undefined ? `no summary, vitest ended with ${exitCode}` : `vitest ended with ${exitCode}`
  return { ...sum, failed: sum.failed + 1, failures: [...sum.failures, { name: `${project} tests`, message }] }
}
