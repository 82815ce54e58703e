/** The relay: the peer with a fixed address through which the others find each other. */
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { gossipsub, type GossipSub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { pubsubPeerDiscovery } from '@libp2p/pubsub-peer-discovery'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { GOSSIP_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { createLibp2p } from 'libp2p'
import { atMost, followTopic } from './gossip.ts'
import { parsePeerKey } from './peer-key.ts'
import {
  CIRCUIT_RELAY,
  CONNECTION_MONITOR,
  DHT_PROTOCOL,
  DISCOVERY_INTERVAL_MS,
  DISCOVERY_MAX_BYTES,
  RELAY_CONNECTIONS,
  RELAY_GOSSIP,
  RELAY_TOPICS,
  WEBSOCKETS,
  YAMUX
} from './settings.ts'
import type { Libp2p } from '@libp2p/interface'

export interface RelayServices extends Record<string, unknown> {
  readonly pubsub: GossipSub
  readonly circuitRelay: CircuitRelayService
}
export type RelayNode = Libp2p<RelayServices>

export interface RelayOptions {
  /** From `generatePeerKey()`, kept across restarts. */
  readonly peerKey: Uint8Array
  /** What others dial, from `announceFor(publicUrl)`. Empty: the listening address itself. */
  readonly announce: readonly string[]
  /** Where the relay's own listener is bound. Behind `attachRelay` the default, a free port of loopback, is right. */
  readonly listen?: string
  /** Topics to forward besides the ledger's and discovery's. */
  readonly topics?: readonly string[]
}

/** Starts a relay. Every topic that it forwards has a size limit from the start; `followTopic` puts a stricter gate in its place. */
export async function createRelayNode(options: RelayOptions): Promise<RelayNode> {
  const relay = await createLibp2p({
    privateKey: parsePeerKey(options.peerKey),
    addresses: { listen: [options.listen ?? '/ip4/127.0.0.1/tcp/0/ws'], announce: [...options.announce] },
    transports: [webSockets(WEBSOCKETS)],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(YAMUX)],
    connectionManager: RELAY_CONNECTIONS,
    connectionMonitor: CONNECTION_MONITOR,
    // listenOnly: it forwards announcements, and needs none of its own
    peerDiscovery: [pubsubPeerDiscovery({ topics: [DISCOVERY_TOPIC], interval: DISCOVERY_INTERVAL_MS, listenOnly: true })],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub(RELAY_GOSSIP),
      circuitRelay: circuitRelayServer(CIRCUIT_RELAY),
      dht: kadDHT({ protocol: DHT_PROTOCOL, clientMode: false, peerInfoMapper: passthroughMapper })
    }
  })
  for (const topic of [...RELAY_TOPICS, ...(options.topics ?? [])]) {
    followTopic(relay, topic, atMost(topic === DISCOVERY_TOPIC ? DISCOVERY_MAX_BYTES : GOSSIP_MAX_BYTES))
  }
  return relay
}
