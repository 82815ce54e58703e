/**
 * libp2p keeps what it knows of a peer until somebody asks for that peer hours later, and nobody asks for a page that was closed. Whoever
 * lives for a month would know everybody who ever came.
 */
import { peerIdFromString } from '@libp2p/peer-id'
import { FORGET_MS } from './settings.ts'
import type { PeerNode } from './gossip.ts'
import type { Clock } from './time/clock.ts'
import type { PeerId } from '@libp2p/interface'

/** From now on peers are forgotten that are not connected and of which nothing new was learned for FORGET_MS. */
export function forgetGone(node: PeerNode, clock: Clock): void {
  /** PeerIds, each with the time since when nothing was learned; the oldest first. Not the objects: each holds on to a pool of Node's. */
  const quiet = new Map<string, number>()
  let cancel: (() => void) | undefined

  function note(peer: PeerId): void {
    if (peer.equals(node.peerId)) return
    const key = peer.toString()
    quiet.delete(key)
    quiet.set(key, clock.now())
    cancel ??= clock.schedule(FORGET_MS, forget)
  }

  function forget(): void {
    cancel = undefined
    for (const [key, since] of quiet) {
      const left = since + FORGET_MS - clock.now()
      if (left > 0) {
        cancel = clock.schedule(left, forget)
        return
      }
      quiet.delete(key)
      const peer = peerIdFromString(key)
      // of who is connected the end is heard
      if (node.getConnections(peer).length === 0) void node.peerStore.delete(peer).catch(() => undefined)
    }
  }

  node.addEventListener('peer:update', ({ detail }) => {
    note(detail.peer.id)
  })
  // what is to be done when a peer leaves is looked up in what is known of it, after this event
  node.addEventListener('peer:disconnect', ({ detail }) => {
    note(detail)
  })
  node.addEventListener('stop', () => {
    cancel?.()
    quiet.clear()
  })
}
