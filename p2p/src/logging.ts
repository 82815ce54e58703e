/**
 * libp2p's logger makes a new scope for every stream, and asks the terminal for its colours each time: 4 to 6 % of the longest turns of
 * a relay with 1 600 clients (measured). So there is none unless somebody wants to read it: `DEBUG=libp2p:*`, or `localStorage.debug` in a page.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const nothing = (): void => undefined
const silent: Logger = Object.assign(nothing, { error: nothing, trace: nothing, enabled: false, newScope: () => silent })

/** For the settings of a node. */
export function logging(): { logger?: ComponentLogger } {
  return isWanted() ? {} : { logger: { forComponent: () => silent } }
}

function isWanted(): boolean {
  if ('process' in globalThis) return process.env['DEBUG'] !== undefined
  try {
    return localStorage.getItem('debug') !== null
  } catch {
    // Workers have none, and a page whose cookies are blocked must not look at it.
    return false
  }
}
