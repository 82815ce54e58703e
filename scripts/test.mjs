/**
 * Every check there is, from a clean clone. `--quick`: types and unit tests only. Runs under the system's Node ≥ 20 too.
 * Ends with one line `N passed, N failed`; lint, types and the build count as one test each.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureChromium } from './lib/chromium.mjs'
import { ensureDashboard } from './lib/dashboard-build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { inParallel, root, run, toolEnvironment } from './lib/run.mjs'
import { tally } from './lib/tally.mjs'

const quick = process.argv.includes('--quick')
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

async function everything() {
  if (!(await ensureInstalled({ dev: true }))) return step(false)
  mkdirSync(reports, { recursive: true })
  if (quick) {
    await check('typecheck')
    return tests('unit', toolEnvironment)
  }
  const chromium = await ensureChromium()
  await inParallel(2, [() => check('lint'), () => check('typecheck')])
  step(await ensureDashboard())
  const env = { ...toolEnvironment, ...(chromium === undefined ? {} : { PEERCOMPUTE_CHROMIUM: chromium }) }
  await tests('unit', env)
  await tests('integration', env)
  if (chromium === undefined) step(false)
  else await tests('e2e', env)
}

await everything()
if (total.skipped > 0) console.log(`${total.skipped} skipped`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
