/** Where a person's keys and pins are kept: `$XDG_CONFIG_HOME/peercompute`, or `~/.config/peercompute`. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function userFolder(env: Readonly<Record<string, string | undefined>>): string {
  const base = env.XDG_CONFIG_HOME
  return join(base === undefined || base === '' ? join(homedir(), '.config') : base, 'peercompute')
}
