/** `npm start`: installs what is missing, builds the pages, then hands over to the program. Runs under the system's Node ≥ 20. */
import { spawn } from 'node:child_process'
import { ensureDashboard } from './lib/dashboard-build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { ensureBundle } from './lib/program-build.mjs'
import { nodeBinary, program, programOptions, toolEnvironment } from './lib/run.mjs'

const major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  process.stderr.write(
    `Node ${process.versions.node} is too old to install the platform: it needs Node 20 or newer (it then brings its own Node 24).\n`
  )
  process.exit(9)
}
if (!(await ensureInstalled({ dev: false })) || !(await ensureDashboard()) || !(await ensureBundle())) process.exit(9)

const child = spawn(nodeBinary, [...programOptions, program, 'start', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: toolEnvironment
})
// The program ignores a signal that reaches it twice: from the terminal and from here.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  process.stderr.write(`The program could not be started: ${error.message}\n`)
  process.exitCode = 9
})
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)
})
