import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { aptInstall } from './apt.mjs'

/** Programs of the system that tests drive. `setting`: the environment variable that names another place. */
export const PROGRAMS = {
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'],
    places: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'],
    setting: 'PEERCOMPUTE_CHROMIUM',
    package: 'chromium',
    missing: 'The browser tests need Chromium or Chrome'
  },
  firefox: {
    names: ['firefox-esr', 'firefox'],
    places: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
    setting: 'PEERCOMPUTE_FIREFOX',
    package: 'firefox-esr',
    missing: 'The Firefox tests need Firefox'
  },
  bubblewrap: {
    names: ['bwrap'],
    places: [],
    setting: 'PEERCOMPUTE_BUBBLEWRAP',
    package: 'bubblewrap',
    missing: 'The tests of the second cage need bubblewrap'
  },
  turnserver: {
    names: ['turnserver'],
    places: [],
    setting: 'PEERCOMPUTE_TURNSERVER',
    package: 'coturn',
    missing: 'The TURN tests need coturn'
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Path of an installed program; what its setting names comes first, and then nothing else will do.
 *
 * @param {keyof typeof PROGRAMS} name
 */
export function findProgram(name) {
  const { names, places, setting } = PROGRAMS[name]
  const named = process.env[setting]
  if (named) return isExecutable(named) ? named : undefined
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((one) => join(folder, one)))
  return [...onPath, ...places].find(isExecutable)
}

/**
 * Finds a program, or installs it where that needs no question. Resolves undefined, after a clear sentence, when there is none.
 *
 * @param {keyof typeof PROGRAMS} name
 */
export async function ensureProgram(name) {
  const found = findProgram(name)
  if (found !== undefined) return found
  const { package: wanted, missing, setting } = PROGRAMS[name]
  if (await aptInstall(wanted)) return findProgram(name)
  process.stderr.write(`${missing}: install it (Debian: sudo apt-get install ${wanted}), or set ${setting} to its path.\n`)
  return undefined
}
