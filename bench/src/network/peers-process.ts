/** Many light peers in one process: real client nodes without WebRTC, each with a supervisor of its own. */
import { ALONE, createClientNode, followTopic, superviseRelay, type Discovery, type PeerNode, type RelaySupervisor } from '@peercompute/p2p'
import { DISCOVERY_TOPIC, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { answerCommands } from '@peercompute/tests/child'
import { monotonicMs } from '../time.ts'
import { decodeProbe, encodeProbe } from './probe.ts'

interface LightPeer {
  readonly id: string
  readonly node: PeerNode
  readonly discovery: Discovery | null
  supervisor: RelaySupervisor | null
  /** Latest time at which the supervisor said that the relay is connected; null while it is not. */
  connectedAt: number | null
  /** Latest time at which it got an address through the relay; null while it has none. */
  reachableAt: number | null
  drops: number
  announcements: number
  /** When another peer was first known with an address that can be dialled. */
  readonly seen: Map<string, number>
  /** Messages heard, by number, with the time. A second copy would be a second entry. */
  readonly heard: { readonly probe: number; readonly at: number }[]
}

const peers: LightPeer[] = []
let relays: readonly string[] = []

function peerAt(index: number): LightPeer {
  const peer = peers[index]
  if (peer === undefined) throw new Error(`there is no peer ${index} here`)
  return peer
}

async function createPeer(dht: boolean): Promise<void> {
  const { node, discovery } = await createClientNode({ relays, webRtc: false })
  if (!dht) await stopDht(node)
  const peer: LightPeer = {
    id: node.peerId.toString(),
    node,
    discovery,
    supervisor: null,
    connectedAt: null,
    reachableAt: null,
    drops: 0,
    announcements: 0,
    seen: new Map(),
    heard: []
  }
  const see = (id: string, addresses: readonly string[]): void => {
    if (!peer.seen.has(id) && addresses.some((address) => address.includes('/p2p-circuit'))) peer.seen.set(id, monotonicMs())
  }
  node.addEventListener('peer:discovery', ({ detail }) => {
    see(detail.id.toString(), detail.multiaddrs.map(String))
  })
  node.addEventListener('peer:update', ({ detail }) => {
    see(
      detail.peer.id.toString(),
      detail.peer.addresses.map(({ multiaddr }) => multiaddr.toString())
    )
  })
  // `self:peer:update` comes a second after the address
  for (const change of ['transport:listening', 'transport:close', 'self:peer:update'] as const) {
    node.addEventListener(change, () => {
      const reachable = node.getMultiaddrs().some((address) => address.toString().includes('/p2p-circuit'))
      if (reachable !== (peer.reachableAt !== null)) peer.reachableAt = reachable ? monotonicMs() : null
    })
  }
  node.addEventListener('connection:close', () => peer.drops++)
  node.services.pubsub.addEventListener('message', ({ detail }) => {
    if (detail.topic === DISCOVERY_TOPIC) peer.announcements++
  })
  peers.push(peer)
}

/** The DHT happens to redial the relay, and would hide that the supervisor does not. */
async function stopDht({ services }: PeerNode): Promise<void> {
  const { dht } = services
  if (!isStoppable(dht)) throw new Error('the client has no DHT that could be stopped')
  await dht.stop()
}

function isStoppable(service: unknown): service is { stop(): Promise<void> } {
  return typeof service === 'object' && service !== null && 'stop' in service && typeof service.stop === 'function'
}

const commands = {
  /** Nodes that dial nobody yet. Answers with their PeerIds. */
  async create(init: { count: number; relays: readonly string[]; dht: boolean }) {
    relays = init.relays
    for (let i = 0; i < init.count; i++) await createPeer(init.dht)
    return peers.map(({ id }) => id)
  },
  join(index: number) {
    const peer = peerAt(index)
    peer.supervisor = superviseRelay(peer.node, relays, {
      crowd: () => peer.discovery?.crowd() ?? ALONE,
      onState: ({ kind }) => {
        peer.connectedAt = kind === 'connected' ? monotonicMs() : null
      }
    })
  },
  state: () =>
    peers.map(({ id, node, supervisor, connectedAt, reachableAt, drops, announcements }) => ({
      id,
      // what the supervisor says, checked against the connections themselves
      connectedAt:
        node.getConnections().some(({ status }) => status === 'open') && supervisor?.state.kind === 'connected' ? connectedAt : null,
      reachableAt,
      drops,
      announcements
    })),
  /** Of the peers named: how many each peer here has seen, and when the last of them. */
  seen: (ids: readonly string[]) =>
    peers.map((peer) => {
      const times = ids.flatMap((id) => (id === peer.id ? [] : (peer.seen.get(id) ?? [])))
      return { count: times.length, lastAt: Math.max(0, ...times) }
    }),
  /** From now on all peers here note the probes that they hear. */
  listen() {
    for (const peer of peers) {
      followTopic(peer.node, LEDGER_TOPIC, (data) => {
        const probe = decodeProbe(data)
        if (probe !== null) peer.heard.push({ probe, at: monotonicMs() })
        return probe === null ? 'reject' : 'accept'
      })
    }
  },
  async publish({ index, probe }: { index: number; probe: number }) {
    const sentAt = monotonicMs()
    await peerAt(index).node.services.pubsub.publish(LEDGER_TOPIC, encodeProbe(probe))
    return sentAt
  },
  heard: () => peers.map(({ heard }) => heard)
}
export type PeersCommands = typeof commands

answerCommands(commands)
