/** Ending every connection to a peer, whatever it is doing. */
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerNode } from './gossip.ts'

/** At once: a goodbye would wait behind what the peer has sent, and a peer that floods has sent much (10 s; measured). */
export function disconnect(node: PeerNode, peer: string, reason: Error): void {
  for (const connection of node.getConnections(peerIdFromString(peer))) connection.abort(reason)
}
