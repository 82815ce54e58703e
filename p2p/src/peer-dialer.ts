/** Direct connections between clients: dials the peers that become known, and again when that fails or breaks. */
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { backoffDelay } from './time/backoff.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { DIAL_TIMEOUT_MS, PEERS_MAX, PEER_REDIAL_BASE_MS, PEER_REDIAL_CAP_MS, PEER_TRIES } from './settings.ts'
import { dialWithin } from './dial-within.ts'
import { leadsDirectly } from './peer-path.ts'
import { reasonOf } from './reason-of.ts'
import type { PeerNode } from './gossip.ts'
import type { Connection, PeerId, PeerUpdate } from '@libp2p/interface'

export interface PeerDialerOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Direct connections that are enough. */
  readonly max?: number
  /** A dial has failed; another may follow. */
  readonly onFailure?: (peer: string, cause: string) => void
}

/**
 * Of two peers the one with the smaller PeerId dials, so that they do not dial each other at once. An address may be out of date
 * (a reservation that has ended), so a failed dial is tried again with what is known by then; after a few tries the peer is left alone
 * until something new is learned about it. Returns the function that stops it; connections stay.
 */
export function dialPeers(
  node: PeerNode,
  { clock = systemClock, random = Math.random, max = PEERS_MAX, onFailure }: PeerDialerOptions = {}
): () => void {
  const stopping = new AbortController()
  const self = node.peerId.toString()
  /** Peers under way, with what calls their next try off. */
  const waiting = new Map<string, () => void>()

  function direct(): number {
    return node.getConnections().filter(isDirect).length
  }

  async function dial(id: PeerId, attempt: number): Promise<void> {
    try {
      const { addresses } = await node.peerStore.get(id)
      const direct = addresses
        .map(({ multiaddr: address }) => address)
        .filter(leadsDirectly)
        .map((address) => withPeer(address.toString(), id.toString()))
      // e.g. TCP from a browser, or a private address behind a public relay
      if (direct.length === 0 || !(await node.isDialable(direct))) return void waiting.delete(id.toString())
      await dialWithin(node, direct, DIAL_TIMEOUT_MS, stopping.signal)
      waiting.delete(id.toString())
    } catch (error) {
      if (!stopping.signal.aborted) onFailure?.(id.toString(), reasonOf(error))
      retry(id, attempt + 1)
    }
  }

  function retry(id: PeerId, attempt: number): void {
    if (stopping.signal.aborted || attempt >= PEER_TRIES) return void waiting.delete(id.toString())
    const delayMs = backoffDelay({ baseMs: PEER_REDIAL_BASE_MS, capMs: PEER_REDIAL_CAP_MS }, attempt, random)
    waiting.set(
      id.toString(),
      clock.schedule(delayMs, () => void dial(id, attempt))
    )
  }

  function consider(id: PeerId): void {
    const peer = id.toString()
    if (self >= peer || waiting.has(peer) || direct() + waiting.size >= max || node.getConnections(id).some(isDirect)) return
    waiting.set(peer, () => undefined)
    void dial(id, 0)
  }

  const onUpdate = ({ detail }: CustomEvent<PeerUpdate>): void => {
    if (detail.peer.addresses.some(({ multiaddr: address }) => leadsDirectly(address))) consider(detail.peer.id)
  }
  const onClose = ({ detail }: CustomEvent<Connection>): void => {
    if (leadsDirectly(detail.remoteAddr)) consider(detail.remotePeer)
  }
  node.addEventListener('peer:update', onUpdate)
  node.addEventListener('connection:close', onClose)
  return () => {
    stopping.abort()
    node.removeEventListener('peer:update', onUpdate)
    node.removeEventListener('connection:close', onClose)
    for (const cancel of waiting.values()) cancel()
    waiting.clear()
  }
}

function isDirect({ status, remoteAddr }: { status: string; remoteAddr: Multiaddr }): boolean {
  return status === 'open' && leadsDirectly(remoteAddr)
}

function withPeer(address: string, peer: string): Multiaddr {
  return multiaddr(address.endsWith(`/p2p/${peer}`) ? address : `${address}/p2p/${peer}`)
}
