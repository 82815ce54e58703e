import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nodeBinary, outerEnvironment, root, run } from './run.mjs'

/**
 * Packages that the lock file demands and that are not installed in that version. Reads npm's own record of what it
 * installed, so it is right however the installation was made.
 *
 * @param {Record<string, {version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, link?: boolean}>} wanted `packages` of package-lock.json
 * @param {Record<string, {version?: string}>} present `packages` of node_modules/.package-lock.json
 * @param {{dev: boolean}} options whether development dependencies count
 */
export function missingPackages(wanted, present, { dev }) {
  return Object.entries(wanted)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.optional && !entry.devOptional && (dev || !entry.dev))
    .filter(([path, entry]) => present[path] === undefined || (!entry.link && present[path].version !== entry.version))
    .map(([path]) => path)
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

/** Disk space of a folder, in bytes. A file that has several names is counted once. */
export function folderBytes(folder) {
  const seen = new Set()
  const walk = (path) =>
    readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
      const full = join(path, entry.name)
      if (entry.isDirectory()) return sum + walk(full)
      const { ino, nlink, size, blocks } = lstatSync(full)
      if (nlink > 1 && seen.has(ino)) return sum
      seen.add(ino)
      return sum + (blocks === undefined ? size : blocks * 512)
    }, 0)
  return walk(folder)
}

/** Node's C++ headers, 67 MB, are for compiling add-ons; nothing here compiles one. */
function removeHeaders() {
  const packages = join(root, 'node_modules', 'node', 'node_modules')
  if (!existsSync(packages)) return
  for (const name of readdirSync(packages).filter((one) => one.startsWith('node-')))
    rmSync(join(packages, name, 'include'), { recursive: true, force: true })
}

/**
 * What packages bring that a running platform never reads: maps from compiled code to its source and type declarations, about
 * 70 MB, and Dawn for the other systems, about 110 MB. Developers keep them.
 *
 * @param {string} packages a node_modules folder
 */
export function removeUnread(packages) {
  const unread = /\.(map|d\.[cm]?ts)$/
  for (const entry of readdirSync(packages, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && unread.test(entry.name)) rmSync(join(entry.parentPath, entry.name), { force: true })
  const dawn = join(packages, 'webgpu', 'dist')
  const own = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`
  if (!existsSync(join(dawn, own))) return
  for (const name of readdirSync(dawn).filter((one) => one !== own)) rmSync(join(dawn, name), { recursive: true, force: true })
}

/**
 * Installs what is missing, with npm's own progress on the screen. Resolves false, after a clear sentence, when that failed.
 *
 * @param {{dev: boolean}} options
 */
export async function ensureInstalled({ dev }) {
  const missing = missingPackages(packagesOf('package-lock.json'), packagesOf('node_modules/.package-lock.json'), { dev })
  if (missing.length === 0 && existsSync(nodeBinary)) return true
  process.stderr.write(`Installing ${missing.length} packages${dev ? '' : ' (without development dependencies)'} …\n`)
  // The outer Node may be older than some packages ask for; they run under the one that is installed here. Hence no warnings.
  const { code } = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(dev ? [] : ['--omit=dev'])], {
    env: outerEnvironment
  })
  if (code !== 0) {
    process.stderr.write('The installation failed; see the lines of npm above. Is the npm registry reachable?\n')
    return false
  }
  if (!existsSync(nodeBinary)) {
    process.stderr.write('Node 24 was not installed: its install script did not run. Run: npm ci --ignore-scripts=false\n')
    return false
  }
  removeHeaders()
  if (!dev) removeUnread(join(root, 'node_modules'))
  process.stderr.write(`Installed: ${Math.round(folderBytes(join(root, 'node_modules')) / 1e6)} MB\n`)
  return true
}
