/**
 * Every check there is, from a clean clone. `--quick`: types and unit tests only. `--soak`: only the long network tests, about 50 min. Runs under the system's Node ≥ 20 too.
 * Ends with one line `N passed, N failed`; lint, types and the build count as one test each.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDashboard } from './lib/dashboard-build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { ensureProgram, PROGRAMS } from './lib/programs.mjs'
import { inParallel, root, run, toolEnvironment } from './lib/run.mjs'
import { tally } from './lib/tally.mjs'

const quick = process.argv.includes('--quick')
const soak = process.argv.includes('--soak')
const total = { passed: 0, failed: 0, skipped: 0 }
const reports = join(root, 'node_modules', '.cache', 'test-reports')

const count = ({ passed, failed, skipped }) => {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}
const step = (ok) => count({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 })

async function check(name) {
  const result = await run(process.execPath, [join('scripts', `${name}.mjs`)], { quiet: true })
  console.log(`\n== ${name} (${result.seconds.toFixed(0)} s)\n${result.output}`)
  step(result.code === 0)
}

async function tests(project, env) {
  console.log(`\n== ${project} tests`)
  const file = join(reports, `${project}.json`)
  rmSync(file, { force: true })
  const { code } = await run(
    'vitest',
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { env }
  )
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    console.log(`No report of the ${project} tests: vitest ended with ${code}`)
  }
  count(tally(report, code))
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
  if (!(await ensureInstalled({ dev: true }))) return step(false)
  mkdirSync(reports, { recursive: true })
  if (quick) {
    await check('typecheck')
    return tests('unit', toolEnvironment)
  }
  const programs = await findPrograms()
  if (soak) return tests('soak', { ...toolEnvironment, ...programs })
  await inParallel(2, [() => check('lint'), () => check('typecheck')])
  step(await ensureDashboard())
  const env = { ...toolEnvironment, ...programs }
  await tests('unit', env)
  await tests('integration', env)
  await tests('topology', env)
  await tests('fault', env)
  // Without Chromium there is no proof of the browser at all: that is a failure. Firefox and coturn are skipped aloud.
  if (programs[PROGRAMS.chromium.setting] === undefined) step(false)
  else await tests('e2e', env)
}

await everything()
if (total.skipped > 0) console.log(`${total.skipped} skipped`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
