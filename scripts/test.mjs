/**
 * Every check there is, from a clean clone. `--quick`: types and unit tests only. `--soak`: only the long network tests, about 50 min. Runs under the system's Node ≥ 20 too.
 * Ends with what failed, each with its first words, and one line `N passed, N failed`; lint, types and the build count as one test each.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDashboard } from './lib/dashboard-build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { ensureProgram, PROGRAMS } from './lib/programs.mjs'
import { ensureBundle } from './lib/program-build.mjs'
import { inParallel, root, run, toolEnvironment } from './lib/run.mjs'
import { SUMMARY_FILE } from './lib/summary-reporter.mjs'
import { tally } from './lib/tally.mjs'

const quick = process.argv.includes('--quick')
const soak = process.argv.includes('--soak')
const total = { passed: 0, failed: 0, skipped: 0, failures: [], second: [] }
const summaries = join(root, 'node_modules', '.cache', 'test-summaries')

function count({ passed, failed, skipped, failures, second }) {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
  total.failures.push(...failures)
  total.second.push(...second)
}

function step(name, ok, message = 'see above') {
  count({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, failures: ok ? [] : [{ name, message }], second: [] })
}

async function check(name) {
  const { code, output, seconds } = await run(process.execPath, [join('scripts', `${name}.mjs`)], { quiet: true })
  console.log(`\n== ${name} (${seconds.toFixed(0)} s)\n${output}`)
  step(name, code === 0)
}

/** What tests and programs print is shown of failed tests only: a log of thousands of lines hides the one that matters. */
async function tests(project, env) {
  console.log(`\n== ${project} tests`)
  const file = join(summaries, `${project}.json`)
  rmSync(file, { force: true })
  const args = ['run', '--project', project, '--silent=passed-only', '--reporter=./scripts/lib/summary-reporter.mjs']
  const { code } = await run('vitest', args, { env: { ...env, [SUMMARY_FILE]: file } })
  let summary
  try {
    summary = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    summary = undefined
  }
  count(tally(summary, code, project))
}

/** Installs what the tests drive, and names for them where it is. What is missing was said in a sentence, and its tests are skipped. */
async function findPrograms() {
  const found = {}
  for (const [name, { setting }] of Object.entries(PROGRAMS)) {
    const path = await ensureProgram(name)
    if (path !== undefined) found[setting] = path
  }
  return found
}

async function everything() {
  if (!(await ensureInstalled({ dev: true }))) return step('npm ci', false)
  mkdirSync(summaries, { recursive: true })
  if (quick) {
    await check('typecheck')
    return tests('unit', toolEnvironment)
  }
  const programs = await findPrograms()
  if (soak) return tests('soak', { ...toolEnvironment, ...programs })
  await inParallel(2, [() => check('lint'), () => check('typecheck')])
  step('the build of the dashboard', await ensureDashboard())
  step('the bundle of the program', await ensureBundle())
  const env = { ...toolEnvironment, ...programs }
  await tests('unit', env)
  await tests('integration', env)
  await tests('topology', env)
  await tests('fault', env)
  // Without Chromium there is no proof of the browser at all: that is a failure. Firefox and coturn are skipped aloud.
  if (programs[PROGRAMS.chromium.setting] === undefined) step('e2e tests', false, 'no Chromium')
  else await tests('e2e', env)
}

await everything()
const list = (title, told) => {
  if (told.length > 0) console.log(`\n${title}:`)
  for (const { name, message } of told) console.log(`  ${name}\n    ${message.slice(0, 600)}`)
}
list('Passed at the second attempt only', total.second)
list('FAILED', total.failures)
if (total.skipped > 0) console.log(`${total.skipped} skipped`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
