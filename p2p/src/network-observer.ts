/** Looks at a node from outside and says what it sees. */
import { LEDGER_PROTOCOL, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { subscribersOf, watchMeshes, type PeerNode } from './gossip.ts'
import { pathOf } from './peer-path.ts'
import { OBSERVE_EVERY_MS, OBSERVE_PAUSE_MS } from './settings.ts'
import { systemClock, type Clock } from './time/clock.ts'
import type { Discovery } from './discovery.ts'
import type { DialFailure, NetworkReport, PeerReport, RelayReport } from './network-report.ts'
import type { RelaysSupervisor, SupervisedRelay } from './supervisor.ts'
import type { Connection } from '@libp2p/interface'

const FAILURES_MAX = 20

export interface NetworkObserverInit {
  readonly node: PeerNode
  readonly relays: RelaysSupervisor
  readonly discovery: Discovery | null
  readonly webRtc: boolean
  /** STUN and TURN servers that were configured. */
  readonly iceServers: number
  readonly clock?: Clock
}

export interface NetworkObserver {
  readonly report: () => NetworkReport
  /** At most every 250 ms, and at least every 5 s. Returns the function that ends it. */
  readonly onReport: (listener: (report: NetworkReport) => void) => () => void
  /** For `dialPeers`. */
  readonly failed: (peer: string, cause: string) => void
  stop(): void
}

/** Start it before the first connection: the gossip mesh is told of in events only. */
export function createNetworkObserver(init: NetworkObserverInit): NetworkObserver {
  const { node, relays, clock = systemClock } = init
  const listeners = new Set<(report: NetworkReport) => void>()
  let failures: readonly DialFailure[] = []
  let cancel: () => void = () => undefined
  let soon = false

  const meshes = watchMeshes(node, changed)
  const endRelays = relays.onState(changed)
  const events = ['connection:open', 'connection:close', 'peer:identify', 'self:peer:update'] as const
  for (const event of events) node.addEventListener(event, changed)
  node.services.pubsub.addEventListener('subscription-change', changed)
  later(OBSERVE_EVERY_MS)

  function changed(): void {
    if (soon) return
    soon = true
    later(OBSERVE_PAUSE_MS)
  }

  function later(ms: number): void {
    cancel()
    cancel = clock.schedule(ms, () => {
      soon = false
      if (listeners.size > 0) {
        const now = report()
        for (const listener of [...listeners]) listener(now)
      }
      later(OBSERVE_EVERY_MS)
    })
  }

  function report(): NetworkReport {
    const addresses = node.getMultiaddrs().map(String)
    const relayIds = new Set(relays.relays.flatMap(({ addresses: own }) => own.flatMap((address) => idOf(address) ?? [])))
    const ledgerMesh = meshes.of(LEDGER_TOPIC)
    const byPeer = Map.groupBy(
      node.getConnections().filter(({ status }) => status === 'open'),
      ({ remotePeer }) => remotePeer.toString()
    )
    const { pubsub } = node.services
    return {
      peer: node.peerId.toString(),
      webRtc: init.webRtc,
      iceServers: init.iceServers,
      addresses,
      relays: relays.relays.map((relay) => reportRelay(relay, byPeer, addresses)),
      peers: [...byPeer].map(([peer, connections]) => reportPeer(peer, connections, relayIds.has(peer), ledgerMesh.has(peer))),
      known: init.discovery?.known().length ?? 0,
      topics: pubsub.getTopics().map((topic) => ({ topic, subscribers: subscribersOf(node, topic).size, mesh: meshes.of(topic).size })),
      failures
    }
  }

  return {
    report,
    onReport(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    failed(peer, cause) {
      failures = [{ peer, at: clock.now(), cause }, ...failures].slice(0, FAILURES_MAX)
      changed()
    },
    stop() {
      cancel()
      endRelays()
      meshes.stop()
      for (const event of events) node.removeEventListener(event, changed)
      node.services.pubsub.removeEventListener('subscription-change', changed)
      listeners.clear()
    }
  }
}

/** The round trip is the one that the connection monitor measures every 30 s, and before that the one of first-round-trip.ts. */
function reportRelay(relay: SupervisedRelay, byPeer: ReadonlyMap<string, readonly Connection[]>, own: readonly string[]): RelayReport {
  const { state, addresses } = relay
  const id = state.kind === 'connected' ? state.peer : addresses.flatMap((address) => idOf(address) ?? [])[0]
  const rtts = (byPeer.get(id ?? '') ?? []).flatMap(({ rtt }) => rtt ?? [])
  return {
    address: (state.kind === 'connected' ? state.address : addresses[0]) ?? '',
    state,
    rttMs: state.kind === 'connected' && rtts.length > 0 ? Math.min(...rtts) : null,
    reserved: id !== undefined && own.some((address) => address.includes(`/p2p/${id}/p2p-circuit`))
  }
}

function reportPeer(peer: string, connections: readonly Connection[], relay: boolean, mesh: boolean): PeerReport {
  return {
    peer,
    paths: [...new Set(connections.map(({ remoteAddr }) => pathOf(remoteAddr)))],
    direction: connections[0]?.direction ?? 'outbound',
    relay,
    mesh,
    ledger: connections.some(({ streams }) => streams.some(({ protocol }) => protocol === LEDGER_PROTOCOL))
  }
}

function idOf(address: string): string | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1]
}
