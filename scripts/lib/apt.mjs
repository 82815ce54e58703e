import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { run } from './run.mjs'

/** Debian asks this program before it starts a service; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d'
const NEVER = '#!/bin/sh\nexit 101\n'

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

/** Runs the task while no package may start a service of its own: coturn would stay running on every interface. */
async function withoutServices(task) {
  if (existsSync(POLICY)) return task()
  writeFileSync(POLICY, NEVER, { mode: 0o755 })
  try {
    return await task()
  } finally {
    rmSync(POLICY, { force: true })
  }
}

/** Installs a Debian package where that needs no question, and starts nothing that it brings. Resolves whether it is installed. */
export async function aptInstall(name) {
  if (process.getuid?.() !== 0 || !isDebianLike()) return false
  process.stderr.write(`${name} is missing: installing it through apt-get …\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = async (...args) => (await run('apt-get', args, { env })).code === 0
  return withoutServices(async () => (await apt('update', '-q')) && (await apt('install', '-y', '-q', '--no-install-recommends', name)))
}
