/** A volunteer's or an observer's node, in a browser tab or in Node. Knows no platform: every import has a browser form. */
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { createLibp2p } from 'libp2p'
import { loadWebRtc } from '#web-rtc'
import { ownAnnouncement } from './announcement.ts'
import { circuits } from './circuits.ts'
import { countBytes, type ByteCount } from './count-bytes.ts'
import { dialGate } from './dial-gate.ts'
import { Discovery, type DiscoveryOptions } from './discovery.ts'
import { encryption } from './encryption.ts'
import { measureFirstRoundTrips, PINGS_AT_ONCE } from './first-round-trip.ts'
import { forgetGone } from './forget-gone.ts'
import { followTopic, type PeerNode } from './gossip.ts'
import { logging } from './logging.ts'
import { muxer } from './muxer.ts'
import { joinPeers } from './relay-peers-client.ts'
import { setUpAgain } from './set-up-again.ts'
import { CLIENT_CONNECTIONS, CLIENT_GOSSIP, CLIENT_LISTEN, CONNECTION_MONITOR, DHT_PROTOCOL, webRtcSettings } from './settings.ts'
import { groupRelays } from './supervisor.ts'
import { loadTcp } from './tcp.ts'
import { systemClock, type Clock } from './time/clock.ts'
import { abortableWebSockets } from './web-sockets.ts'

export interface ClientOptions {
  /** Addresses of the relays that this client will use. They decide what may be dialled (see dial-gate.ts). */
  readonly relays: readonly string[]
  /** STUN and TURN servers, none by default: nobody else is asked. */
  readonly iceServers?: readonly RTCIceServer[]
  /** `relay`: direct connections through a TURN server only, e.g. to test one. */
  readonly iceTransportPolicy?: RTCIceTransportPolicy
  /** `false` keeps this client on the relay. By default it is used where the runtime has it. */
  readonly webRtc?: boolean
  /** Where to wait for TCP connections of other peers in Node, e.g. `/ip4/0.0.0.0/tcp/0`. None by default; TCP is dialled always. */
  readonly tcpListen?: readonly string[]
  /** `false`: neither announces itself, by gossip or at its relays, nor listens to others. */
  readonly announce?: boolean
  /** No encryption, for development: CONFIG_INVALID unless every relay is on loopback. */
  readonly unencrypted?: boolean
  /** Where the bytes of all streams are added up. */
  readonly counted?: ByteCount
  /** The pace of announcements. */
  readonly discovery?: DiscoveryOptions
  /** By which connections are looked at and peers forgotten; see set-up-again.ts and forget-gone.ts. */
  readonly clock?: Clock
}

export interface ClientNode {
  readonly node: PeerNode
  /** False when switched off, or when this runtime has no WebRTC: peers then meet over the relay or TCP only. */
  readonly webRtc: boolean
  /** Null when switched off. */
  readonly discovery: Discovery | null
}

/** Starts a node with a PeerId of its own, new each time. It dials nobody yet: see `superviseRelays`. */
export async function createClientNode(options: ClientOptions): Promise<ClientNode> {
  const encrypter = await encryption(options.unencrypted === true, options.relays)
  const webRTC = options.webRtc === false ? null : await loadWebRtc()
  const tcp = await loadTcp()
  const { counted } = options
  let discovery = null as Discovery | null
  const { clock = systemClock } = options
  const node = await createLibp2p({
    addresses: {
      listen: [
        // one search for each relay: otherwise only the first would reserve an address
        ...groupRelays(options.relays).map(() => CLIENT_LISTEN.circuit),
        ...(webRTC === null ? [] : [CLIENT_LISTEN.webRtc]),
        ...(tcp === null ? [] : (options.tcpListen ?? []))
      ]
    },
    transports: [
      abortableWebSockets(),
      circuits(options.relays),
      ...(webRTC === null ? [] : [webRTC(webRtcSettings(options.iceServers ?? [], options.iceTransportPolicy))]),
      ...(tcp === null ? [] : [tcp()])
    ],
    connectionEncrypters: [encrypter],
    streamMuxers: [muxer()],
    connectionGater: { denyDialMultiaddr: dialGate(options.relays) },
    connectionManager: CLIENT_CONNECTIONS,
    connectionMonitor: CONNECTION_MONITOR,
    ...logging(),
    ...(counted === undefined ? {} : { metrics: () => countBytes(counted) }),
    peerDiscovery: options.announce === false ? [] : [(components) => (discovery = new Discovery(components, options.discovery))],
    services: {
      identify: identify(),
      // spreads the address that is known only after the reservation
      identifyPush: identifyPush(),
      ping: ping({ maxOutboundStreams: PINGS_AT_ONCE, maxInboundStreams: PINGS_AT_ONCE }),
      pubsub: gossipsub(CLIENT_GOSSIP),
      dht: kadDHT({ protocol: DHT_PROTOCOL, clientMode: true, peerInfoMapper: passthroughMapper })
    }
  })
  measureFirstRoundTrips(node)
  setUpAgain(node, { relays: options.relays, clock })
  forgetGone(node, clock)
  if (options.announce !== false) followTopic(node, DISCOVERY_TOPIC, ownAnnouncement)
  if (discovery !== null) await joinPeers(node, discovery, options.discovery)
  return { node, webRtc: webRTC !== null, discovery }
}
