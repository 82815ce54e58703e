/**
 * libp2p and gossipsub try once, right after a connection was opened, to set up what it is for, and give up after 5 to 10 s. With a relay
 * that stood still for so long the connection lived on, and its client had no address, no exchange of the ledger, or heard no gossip, for
 * ever (measured). So whoever dialled looks at it from time to time. It is not dialled again, which would cost a busy relay more.
 */
import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { SET_UP_CAP_MS, SET_UP_MS } from './settings.ts'
import { systemClock, type Clock } from './time/clock.ts'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Identify } from '@libp2p/identify'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'

type Dialler = Libp2p<{ pubsub: GossipSub; identify: Identify }>

export interface SetUpOptions {
  /** Addresses of the relays at which this node reserves an address of its own; they end in `/p2p/ID`. */
  readonly relays?: readonly string[]
  readonly clock?: Clock
}

interface Watch {
  /** What the other side speaks. */
  identified(protocols: readonly string[]): void
  stop(): void
}

/** From now on, direct connections that this node opens are set up again whenever something is missing on them. */
export function setUpAgain(node: Dialler, options: SetUpOptions = {}): void {
  const watches = new Map<string, Watch>()
  node.addEventListener('connection:open', ({ detail }) => {
    if (detail.direction === 'outbound' && detail.limits === undefined) watches.set(detail.id, watch(node, detail, options))
  })
  node.addEventListener('peer:identify', ({ detail }) => {
    watches.get(detail.connection.id)?.identified(detail.protocols)
  })
  node.addEventListener('connection:close', ({ detail }) => {
    watches.get(detail.id)?.stop()
    watches.delete(detail.id)
  })
}

function watch(node: Dialler, connection: Connection, { relays = [], clock = systemClock }: SetUpOptions): Watch {
  const peer = connection.remotePeer
  const reserves = relays.some((address) => address.endsWith(`/p2p/${peer.toString()}`))
  /** None before it was identified. */
  let spoken: readonly string[] = []
  let pauseMs = SET_UP_MS
  let cancel = clock.schedule(pauseMs, look)

  function look(): void {
    const gossip = gossipWith(node, peer)
    if (isWhole(gossip)) {
      pauseMs = SET_UP_MS
    } else {
      pauseMs = Math.min(2 * pauseMs, SET_UP_CAP_MS)
      void again(node, connection, gossip)
    }
    cancel = clock.schedule(pauseMs, look)
  }

  function isWhole({ ours, theirs }: Gossip): boolean {
    if (spoken.length === 0) return false
    if (reserves && spoken.includes(RELAY_V2_HOP_CODEC) && !hasAddressAt(node, peer)) return false
    return (ours.length > 0 && theirs.length > 0) || !node.services.pubsub.protocols.some((protocol) => spoken.includes(protocol))
  }

  return {
    identified(protocols) {
      spoken = protocols
    },
    stop() {
      cancel()
    }
  }
}

/** Every protocol waits for the other side to be identified, and starts what it lacks each time. */
async function again(node: Dialler, connection: Connection, gossip: Gossip): Promise<void> {
  // the other side opens its stream when it is given a new one
  if (gossip.theirs.length === 0) for (const stream of gossip.ours) stream.abort(new Error('Gossip went in one direction only'))
  try {
    await node.services.identify.identify(connection)
  } catch {
    // no answer now: there is a next time, unless the connection monitor gives it up
  }
}

/** Streams that carry gossip. There is one pair for each peer, however many connections it has. */
interface Gossip {
  readonly ours: readonly Stream[]
  readonly theirs: readonly Stream[]
}

function gossipWith(node: Dialler, peer: PeerId): Gossip {
  const streams = node
    .getConnections(peer)
    .filter(({ limits }) => limits === undefined)
    .flatMap((connection) => connection.streams)
    .filter(({ protocol }) => node.services.pubsub.protocols.includes(protocol))
  return {
    ours: streams.filter(({ direction, writeStatus }) => direction === 'outbound' && writeStatus === 'writable'),
    theirs: streams.filter(({ direction, remoteWriteStatus }) => direction === 'inbound' && remoteWriteStatus === 'writable')
  }
}

function hasAddressAt(node: Dialler, relay: PeerId): boolean {
  return node.getMultiaddrs().some((address) => address.toString().includes(`/p2p/${relay.toString()}/p2p-circuit`))
}
