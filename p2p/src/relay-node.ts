/** The relay: the peer with a fixed address through which the others find each other. */
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { gossipsub, type GossipSub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { PeerComputeError } from '@peercompute/job-specs'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { GOSSIP_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { createLibp2p } from 'libp2p'
import { ownAnnouncement } from './announcement.ts'
import { encryption } from './encryption.ts'
import { forgetGone } from './forget-gone.ts'
import { freeReservations } from './free-reservations.ts'
import { atMost, followTopic, type GossipValidator } from './gossip.ts'
import { logging } from './logging.ts'
import { muxer } from './muxer.ts'
import { parsePeerKey } from './peer-key.ts'
import { introducePeers } from './relay-peers.ts'
import { serveTopics } from './relay-topics.ts'
import { setUpAgain } from './set-up-again.ts'
import { CIRCUIT_RELAY, DHT_PROTOCOL, RELAY_CONNECTIONS, RELAY_GOSSIP, RELAY_TOPICS, TEST_MAX_BYTES, TEST_TOPIC } from './settings.ts'
import { systemClock, type Clock } from './time/clock.ts'
import { abortableWebSockets } from './web-sockets.ts'
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
  /** Whether a peer is turned away as soon as it has come. */
  readonly deny?: (peer: string) => boolean
  /** No encryption, for development: CONFIG_INVALID unless the relay is on loopback. */
  readonly unencrypted?: boolean
  /** By which peers that are gone are forgotten; see forget-gone.ts. */
  readonly clock?: Clock
}

const GATES: ReadonlyMap<string, GossipValidator> = new Map([
  [DISCOVERY_TOPIC, ownAnnouncement],
  [TEST_TOPIC, atMost(TEST_MAX_BYTES)]
])

/** Starts a relay. Every topic that it forwards has a size limit from the start; `followTopic` puts a stricter gate in its place. */
export async function createRelayNode(options: RelayOptions): Promise<RelayNode> {
  const relay = await startRelay(await relaySettings(options), options.topics, options.clock)
  relay.addEventListener('connection:open', ({ detail: connection }) => {
    if (options.deny?.(connection.remotePeer.toString()) === true)
      connection.abort(new PeerComputeError('RATE_LIMITED', 'this peer is kept out for a while'))
  })
  return relay
}

/** For tests that show what happens without one of the settings. */
export async function startRelay(settings: RelaySettings, topics: readonly string[] = [], clock: Clock = systemClock): Promise<RelayNode> {
  const relay = await createLibp2p(settings)
  freeReservations(relay)
  forgetGone(relay, clock)
  // connections to other relays
  setUpAgain(relay)
  for (const topic of [...RELAY_TOPICS, ...topics]) followTopic(relay, topic, GATES.get(topic) ?? atMost(GOSSIP_MAX_BYTES))
  await serveTopics(relay)
  await introducePeers(relay)
  return relay
}

export type RelaySettings = Awaited<ReturnType<typeof relaySettings>>

export async function relaySettings(options: RelayOptions) {
  const listen = options.listen ?? '/ip4/127.0.0.1/tcp/0/ws'
  return {
    privateKey: parsePeerKey(options.peerKey),
    ...logging(),
    addresses: { listen: [listen], announce: [...options.announce] },
    transports: [abortableWebSockets()],
    connectionEncrypters: [await encryption(options.unencrypted === true, [listen, ...options.announce])],
    streamMuxers: [muxer()],
    connectionManager: RELAY_CONNECTIONS,
    // heartbeat.ts does its work
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub(RELAY_GOSSIP),
      circuitRelay: circuitRelayServer(CIRCUIT_RELAY),
      dht: kadDHT({ protocol: DHT_PROTOCOL, clientMode: false, peerInfoMapper: passthroughMapper })
    }
  }
}
