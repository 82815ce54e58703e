import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inParallel, root, run } from './lib/run.mjs'

const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folders = workspaces.filter((folder) => existsSync(join(root, folder)))

const checks = [
  ['eslint', ['.', '--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/']],
  ['prettier', ['.', '--check', '--log-level', 'warn']],
  ['depcruise', [...folders, '--config', '.dependency-cruiser.mjs', '--output-type', 'err']]
]

const results = await inParallel(
  2,
  checks.map(([command, args]) => async () => ({ command, ...(await run(command, args, { quiet: true })) }))
)
for (const { command, code, output, seconds } of results) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${command} (${seconds.toFixed(1)} s)`)
  if (code !== 0) console.log(output)
}
process.exitCode = results.some(({ code }) => code !== 0) ? 1 : 0
