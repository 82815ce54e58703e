/** Reaching a peer of whom only the PeerId is known, through relays where both have a reservation. */
import { multiaddr } from '@multiformats/multiaddr'
import { peerIdFromString } from '@libp2p/peer-id'
import { PeerComputeError } from '@peercompute/job-specs'
import type { PeerNode } from './gossip.ts'

/**
 * Returns at once when there is a connection already. `relays` are addresses that end in `/p2p/ID`.
 * Throws PEER_UNREACHABLE: not there, or without a reservation.
 */
export async function dialCircuit(node: PeerNode, peer: string, relays: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    if (node.getConnections(peerIdFromString(peer)).some(({ status }) => status === 'open')) return
    await node.dial(
      relays.filter((relay) => /\/p2p\/[^/]+$/.test(relay)).map((relay) => multiaddr(`${relay}/p2p-circuit/p2p/${peer}`)),
      { signal }
    )
  } catch (cause) {
    throw new PeerComputeError('PEER_UNREACHABLE', `${peer} cannot be reached through the relays`, { cause })
  }
}
