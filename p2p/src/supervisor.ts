/** The relays of a client, each kept connected for itself. */
import { multiaddr } from '@multiformats/multiaddr'
import { keepConnected, type Link, type RelayState, type RelaySupervisor, type SuperviseOptions } from './keep-connected.ts'
import { DIAL_TIMEOUT_MS } from './settings.ts'
import { asError } from './as-error.ts'
import { dialWithin } from './dial-within.ts'
import type { PeerNode } from './gossip.ts'
import type { Connection, PeerId } from '@libp2p/interface'

export type { RelayState, RelaySupervisor, SuperviseOptions }

/**
 * Dials the relay until it answers, watches the connection, and dials again when it is lost: full jitter, capped at 10 s (more
 * where a large crowd has lost it), without end. `addresses` are all of one and the same relay. The reservation, which gives this
 * node its own address, comes back with the connection.
 */
export function superviseRelay(node: PeerNode, addresses: readonly string[], options: SuperviseOptions = {}): RelaySupervisor {
  const targets = addresses.map((address) => multiaddr(address))
  let relay: PeerId | undefined
  const supervisor = keepConnected(async (signal) => {
    const dialled = await dialWithin(node, targets, DIAL_TIMEOUT_MS, signal)
    relay = dialled.remotePeer
    return linkOf(node, dialled)
  }, options)
  /** A dial to a peer behind the relay would open the connection again. */
  const onOpen = ({ detail }: CustomEvent<Connection>): void => {
    if (supervisor.state.kind === 'cut' && relay?.equals(detail.remotePeer) === true) hangUp(node, detail)
  }
  node.addEventListener('connection:open', onOpen)
  return {
    get state() {
      return supervisor.state
    },
    nudge: supervisor.nudge,
    cut: supervisor.cut,
    stop() {
      node.removeEventListener('connection:open', onOpen)
      supervisor.stop()
    }
  }
}

function linkOf(node: PeerNode, connection: Connection): Link {
  return {
    peer: connection.remotePeer.toString(),
    address: connection.remoteAddr.toString(),
    onClose(listener) {
      // it may have closed before anybody listened for it
      if (connection.status !== 'open') {
        listener()
        return
      }
      const onClose = ({ detail }: CustomEvent<Connection>): void => {
        if (detail.id !== connection.id) return
        node.removeEventListener('connection:close', onClose)
        listener()
      }
      node.addEventListener('connection:close', onClose)
    },
    close() {
      hangUp(node, connection)
    }
  }
}

/** All connections to this peer. */
function hangUp(node: PeerNode, connection: Connection): void {
  node.hangUp(connection.remotePeer).catch((error: unknown) => {
    connection.abort(asError(error))
  })
}

export interface SupervisedRelay {
  readonly addresses: readonly string[]
  readonly state: RelayState
}

export interface RelaysSupervisor {
  readonly relays: readonly SupervisedRelay[]
  /** Called after any of them has changed its state. Returns the function that ends it. */
  onState(listener: () => void): () => void
  nudge(): void
  cut(): void
  stop(): void
}

/** One supervisor for each relay, of which each has one or more addresses. What one relay does says nothing about another. */
export function superviseRelays(
  node: PeerNode,
  relays: readonly (readonly string[])[],
  options: Omit<SuperviseOptions, 'onState'> = {}
): RelaysSupervisor {
  const listeners = new Set<() => void>()
  const supervised = relays.map((addresses) => ({
    addresses,
    supervisor: superviseRelay(node, addresses, {
      ...options,
      onState: () => {
        for (const listener of [...listeners]) listener()
      }
    })
  }))
  return {
    get relays() {
      return supervised.map(({ addresses, supervisor }) => ({ addresses, state: supervisor.state }))
    },
    onState(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    nudge() {
      for (const { supervisor } of supervised) supervisor.nudge()
    },
    cut() {
      for (const { supervisor } of supervised) supervisor.cut()
    },
    stop() {
      for (const { supervisor } of supervised) supervisor.stop()
    }
  }
}

/**
 * Sorts addresses by relay, in the order of first mention: those that end in the same `/p2p/ID` belong together. An address
 * without an id is a relay of its own.
 */
export function groupRelays(addresses: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const address of new Set(addresses)) {
    const key = /\/p2p\/([^/]+)$/.exec(address)?.[1] ?? address
    groups.set(key, [...(groups.get(key) ?? []), address])
  }
  return [...groups.values()]
}
