/** A volunteer's or an observer's node, in a browser tab or in Node. Knows no platform: every import has a browser form. */
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { pubsubPeerDiscovery } from '@libp2p/pubsub-peer-discovery'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { createLibp2p } from 'libp2p'
import { dialGate } from './dial-gate.ts'
import { atMost, followTopic, type PeerNode } from './gossip.ts'
import { installRtcDialShim } from './rtc-dial-shim.ts'
import {
  CLIENT_CONNECTIONS,
  CLIENT_GOSSIP,
  CLIENT_LISTEN,
  CONNECTION_MONITOR,
  DHT_PROTOCOL,
  DISCOVERY_INTERVAL_MS,
  DISCOVERY_MAX_BYTES,
  WEBSOCKETS,
  webRtcSettings,
  YAMUX
} from './settings.ts'

export interface ClientOptions {
  /** Addresses of the relays that this client will use. They decide what may be dialled (see dial-gate.ts). */
  readonly relays: readonly string[]
  /** STUN and TURN servers, none by default: nobody else is asked. */
  readonly iceServers?: readonly RTCIceServer[]
  /** `false` keeps this client on the relay. By default it is used where the runtime has it. */
  readonly webRtc?: boolean
}

export interface ClientNode {
  readonly node: PeerNode
  /** False when switched off, or when this runtime has no WebRTC: peers then meet over the relay only. */
  readonly webRtc: boolean
}

/** Starts a node with a PeerId of its own, new each time. It dials nobody yet: see `superviseRelay`. */
export async function createClientNode(options: ClientOptions): Promise<ClientNode> {
  const webRTC = options.webRtc === false ? null : await loadWebRtc()
  const node = await createLibp2p({
    addresses: { listen: webRTC === null ? [CLIENT_LISTEN.circuit] : [CLIENT_LISTEN.circuit, CLIENT_LISTEN.webRtc] },
    transports: [
      webSockets(WEBSOCKETS),
      circuitRelayTransport(),
      ...(webRTC === null ? [] : [webRTC(webRtcSettings(options.iceServers ?? []))])
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(YAMUX)],
    connectionGater: { denyDialMultiaddr: dialGate(options.relays) },
    connectionManager: CLIENT_CONNECTIONS,
    connectionMonitor: CONNECTION_MONITOR,
    peerDiscovery: [pubsubPeerDiscovery({ topics: [DISCOVERY_TOPIC], interval: DISCOVERY_INTERVAL_MS })],
    services: {
      identify: identify(),
      // spreads the address that is known only after the reservation
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub(CLIENT_GOSSIP),
      dht: kadDHT({ protocol: DHT_PROTOCOL, clientMode: true, peerInfoMapper: passthroughMapper })
    }
  })
  followTopic(node, DISCOVERY_TOPIC, atMost(DISCOVERY_MAX_BYTES))
  return { node, webRtc: webRTC !== null }
}

/** The transport, or null where it cannot be loaded: in Node it is a native library, which some platforms lack. */
async function loadWebRtc(): Promise<typeof import('@libp2p/webrtc').webRTC | null> {
  try {
    const { webRTC } = await import('@libp2p/webrtc')
    installRtcDialShim()
    return webRTC
  } catch {
    return null
  }
}
