import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inParallel, root, run } from './lib/run.mjs'

/** Two compilers at a time: each takes about half a gigabyte. */
const WIDTH = 2

const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const checks = [...workspaces, '.']
  .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
  .map((folder) => {
    const isSvelte = existsSync(join(root, folder, 'svelte.config.js'))
    const [command, args] = isSvelte
      ? ['svelte-check', ['--workspace', folder, '--tsconfig', './tsconfig.json', '--output', 'human', '--fail-on-warnings']]
      : ['tsc', ['-p', folder, '--pretty', 'false']]
    return async () => ({ folder, ...(await run(command, args, { quiet: true })) })
  })

const results = await inParallel(WIDTH, checks)
for (const { folder, code, output, seconds } of results) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${folder} (${seconds.toFixed(1)} s)`)
  if (code !== 0) console.log(output)
}
process.exitCode = results.some(({ code }) => code !== 0) ? 1 : 0
