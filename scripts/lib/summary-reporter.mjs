/**
 * Reporter of vitest for a log that is read later: a line a file, and each failure whole where it happened. Writes the sums as JSON
 * to the file that SUMMARY_FILE names, see tally.mjs.
 */
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { root } from './run.mjs'

export const SUMMARY_FILE = 'PEERCOMPUTE_TEST_SUMMARY'

const messageOf = (error) => `${error.name ?? 'Error'}: ${error.message}`
const ours = (line) => line.startsWith('    at ') && !/node_modules|node:internal/.test(line)
const whole = (error) => [messageOf(error), error.diff, ...(error.stack ?? '').split('\n').filter(ours)].filter(Boolean).join('\n')

export default class SummaryReporter {
  #summary = { passed: 0, failed: 0, skipped: 0, failures: [], second: [] }

  onTestCaseResult(test) {
    const { state, errors = [] } = test.result()
    if (state === 'pending') return
    this.#summary[state] += 1
    const name = `${relative(root, test.module.moduleId)} > ${test.fullName}`
    if (state === 'failed') this.#failure(name, errors)
    else if (test.diagnostic()?.flaky) {
      this.#summary.second.push({ name, message: errors.map(messageOf).join('; ') })
      console.log(`SECOND ATTEMPT ${name}\n${errors.map(whole).join('\n')}\n`)
    }
  }

  /** Of a hook, or of the file itself. */
  onTestSuiteResult(suite) {
    this.#outside(`${relative(root, suite.module.moduleId)} > ${suite.fullName}`, suite.errors())
  }

  onTestModuleEnd(module) {
    const path = relative(root, module.moduleId)
    this.#outside(path, module.errors())
    const tests = [...module.children.allTests()]
    const failed = tests.filter((test) => test.result().state === 'failed').length
    const seconds = (module.diagnostic().duration / 1000).toFixed(1)
    console.log(`${module.ok() ? 'ok  ' : 'FAIL'} ${path} (${tests.length} tests${failed ? `, ${failed} failed` : ''}, ${seconds} s)`)
  }

  onTestRunEnd(_modules, unhandled) {
    this.#outside('outside of any test', unhandled)
    writeFileSync(process.env[SUMMARY_FILE], JSON.stringify(this.#summary))
  }

  #outside(name, errors) {
    if (errors.length === 0) return
    this.#summary.failed += 1
    this.#failure(name, errors)
  }

  #failure(name, errors) {
    this.#summary.failures.push({ name, message: errors.map(messageOf).join('; ') })
    console.log(`FAILED ${name}\n${errors.map(whole).join('\n')}\n`)
  }
}
