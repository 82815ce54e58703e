import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { builtProgram } from '../../cli/src/built.mjs'
import { root, run } from './run.mjs'

/** Bundles the program when it was not, or has changed since. Resolves false when that failed. */
export async function ensureBundle() {
  if (builtProgram(pathToFileURL(join(root, 'cli', 'dist/')), pathToFileURL(join(root, '/'))) !== null) return true
  const { code, output } = await run('node', [join('scripts', 'bundle-program.mjs')], { quiet: true })
  if (code !== 0) process.stderr.write(`${output}\nThe program could not be bundled.\n`)
  return code === 0
}
