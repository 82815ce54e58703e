import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

/** What ends up in the pages. */
const sources = ['dashboard', 'worker-client', 'p2p', 'ledger', 'kernels', 'job-specs', 'relay-coordinator', 'package-lock.json']
const skipped = new Set(['node_modules', 'dist', 'coverage'])
const stamp = join(root, 'dashboard', 'dist', '.sources')

function hashInto(hash, path) {
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (skipped.has(entry.name) || entry.name.endsWith('.test.ts')) continue
    const full = join(path, entry.name)
    if (entry.isDirectory()) hashInto(hash, full)
    else if (entry.isFile()) hash.update(full.slice(root.length)).update('\0').update(readFileSync(full))
  }
}

function sourceHash() {
  const hash = createHash('sha256')
  for (const name of sources) {
    const path = join(root, name)
    if (!existsSync(path)) continue
    if (name.includes('.')) hash.update(readFileSync(path))
    else hashInto(hash, path)
  }
  return hash.digest('hex')
}

/** Builds the web pages when they are missing or older than their sources. Resolves false when the build failed. */
export async function ensureDashboard() {
  const wanted = sourceHash()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true
  process.stderr.write('Building the web pages …\n')
  const { code, output, seconds } = await run('npm', ['run', '--silent', 'build', '-w', 'dashboard'], { quiet: true })
  if (code !== 0) {
    process.stderr.write(`${output}\nThe web pages could not be built.\n`)
    return false
  }
  writeFileSync(stamp, wanted)
  process.stderr.write(`Built in ${seconds.toFixed(1)} s\n`)
  return true
}
