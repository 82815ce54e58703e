/** `npm run dev`: a coordinator, and the pages from Vite with hot reloading in front of it. Arguments go to `peercompute serve`. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureInstalled } from './lib/install.mjs'
import { nodeBinary, program, programOptions, root, toolEnvironment } from './lib/run.mjs'

if (!(await ensureInstalled({ dev: true }))) process.exit(9)
const programs = [
  spawn(nodeBinary, [...programOptions, program, 'serve', ...process.argv.slice(2)], { stdio: 'inherit', env: toolEnvironment }),
  spawn('vite', [join(root, 'dashboard'), '--config', join(root, 'dashboard', 'vite.config.ts')], {
    stdio: 'inherit',
    env: toolEnvironment
  })
]
const endAll = (signal) => programs.forEach((program) => program.kill(signal))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endAll(signal))
for (const program of programs) {
  program.on('exit', (code) => {
    process.exitCode ??= code ?? 0
    endAll('SIGTERM')
  })
}
