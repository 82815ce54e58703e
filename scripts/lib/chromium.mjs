import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.mjs'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']
const places = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium']

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of an installed Chromium or Chrome; `PEERCOMPUTE_CHROMIUM` comes first. */
export function findChromium() {
  const named = process.env.PEERCOMPUTE_CHROMIUM
  if (named) return isExecutable(named) ? named : undefined
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
  return [...onPath, ...places].find(isExecutable)
}

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

/** Finds Chromium, or installs it where that needs no question. Resolves undefined, after a clear sentence, when there is none. */
export async function ensureChromium() {
  const found = findChromium()
  if (found !== undefined) return found
  const root = process.getuid?.() === 0
  if (root && isDebianLike()) {
    process.stderr.write('Chromium is missing: installing it through apt-get …\n')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = async (...args) => (await run('apt-get', args, { env })).code === 0
    if ((await apt('update', '-q')) && (await apt('install', '-y', '-q', '--no-install-recommends', 'chromium'))) return findChromium()
  }
  process.stderr.write(
    'The browser tests need Chromium or Chrome: install it (Debian: sudo apt-get install chromium), or set PEERCOMPUTE_CHROMIUM to its path.\n'
  )
  return undefined
}
