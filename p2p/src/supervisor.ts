/** Keeps the connection to one relay, for ever. */
import { multiaddr } from '@multiformats/multiaddr'
import { backoffDelay } from './time/backoff.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { DIAL_TIMEOUT_MS, REDIAL_BASE_MS, REDIAL_CAP_MS } from './settings.ts'
import type { PeerNode } from './gossip.ts'
import type { Connection } from '@libp2p/interface'

export type RelayState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'connected'; readonly peer: string; readonly address: string }
  /** `cause` says why there is no connection now, in a few words. */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly delayMs: number; readonly cause: string }
  | { readonly kind: 'stopped' }

export interface SuperviseOptions {
  readonly clock?: Clock
  readonly random?: Random
  readonly onState?: (state: RelayState) => void
}

export interface RelaySupervisor {
  readonly state: RelayState
  /** Ends a wait now, e.g. when the browser says that it is online again. */
  nudge(): void
  /** Gives up, and leaves an open connection as it is. */
  stop(): void
}

/**
 * Dials the relay until it answers, watches the connection, and dials again when it is lost: full jitter, capped at 10 s, without
 * end. `addresses` are all of one and the same relay. The reservation, which gives this node its own address, comes back with the
 * connection.
 */
export function superviseRelay(node: PeerNode, addresses: readonly string[], options: SuperviseOptions = {}): RelaySupervisor {
  const { clock = systemClock, random = Math.random, onState } = options
  const targets = addresses.map((address) => multiaddr(address))
  const stopping = new AbortController()
  let state: RelayState = { kind: 'connecting', attempt: 0 }
  let cancelWait: (() => void) | undefined
  let relay: Connection | undefined

  function enter(next: RelayState): void {
    state = next
    onState?.(next)
  }

  async function dial(attempt: number): Promise<void> {
    cancelWait = undefined
    enter({ kind: 'connecting', attempt })
    try {
      const connection = await node.dial(targets, { signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]) })
      if (stopping.signal.aborted) return
      relay = connection
      enter({ kind: 'connected', peer: connection.remotePeer.toString(), address: connection.remoteAddr.toString() })
      // it may have closed before anybody listened for it
      if (connection.status !== 'open') lost('the connection closed at once')
    } catch (error) {
      if (!stopping.signal.aborted) wait(attempt + 1, describe(error))
    }
  }

  function lost(cause: string): void {
    relay = undefined
    // another connection to the same relay may be open: dialling then returns it
    wait(0, cause)
  }

  function wait(attempt: number, cause: string): void {
    const delayMs = backoffDelay({ baseMs: REDIAL_BASE_MS, capMs: REDIAL_CAP_MS }, attempt, random)
    enter({ kind: 'waiting', attempt, delayMs, cause })
    cancelWait = clock.schedule(delayMs, () => void dial(attempt))
  }

  const onClose = (event: CustomEvent<Connection>): void => {
    if (relay !== undefined && event.detail.id === relay.id) lost('the connection closed')
  }
  node.addEventListener('connection:close', onClose)
  void dial(0)

  return {
    get state() {
      return state
    },
    nudge() {
      if (cancelWait === undefined || state.kind !== 'waiting') return
      cancelWait()
      void dial(state.attempt)
    },
    stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      cancelWait?.()
      node.removeEventListener('connection:close', onClose)
      enter({ kind: 'stopped' })
    }
  }
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return error instanceof Error && error.message !== '' ? error.message : 'the relay does not answer'
}
