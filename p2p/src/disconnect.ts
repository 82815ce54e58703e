/** Ending every connection to a peer, whatever it is doing. */
import { peerIdFromString } from '@libp2p/peer-id'
import type { Connection } from '@libp2p/interface'
import type { PeerNode } from './gossip.ts'

/** Whoever does not say goodbye within this time is cut off. */
const GOODBYE_MS = 1_000

export function disconnect(node: PeerNode, peer: string, reason: Error): void {
  for (const connection of node.getConnections(peerIdFromString(peer))) turnAway(connection, reason)
}

/**
 * Closes and does not abort: `abort()` closes a WebSocket with code 1006, which `ws` refuses to send, so the socket stays open and
 * the relay's `stop()` waits for it (@libp2p/websockets 10.1.21; measured).
 */
export function turnAway(connection: Connection, reason: Error): void {
  connection.close({ signal: AbortSignal.timeout(GOODBYE_MS) }).catch(() => {
    connection.abort(reason)
  })
}
