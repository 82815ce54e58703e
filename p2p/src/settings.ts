/**
 * Every setting without which libp2p 3 connects and then quietly does not work, in one place, each with its reason.
 * "measured" means: seen in runs of relay and clients on one machine; "source" means: read in the package.
 * Versions: libp2p 3.3.11, @libp2p/gossipsub 17.1.1, @libp2p/yamux 8.0.3, @libp2p/websockets 10.1.21, @libp2p/webrtc 6.0.33,
 * @libp2p/circuit-relay-v2 4.2.13.
 */
import { DISCOVERY_TOPIC, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import type { CircuitRelayServerInit } from '@libp2p/circuit-relay-v2'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import type { WebRTCTransportInit } from '@libp2p/webrtc'
import type { ConnectionManagerInit, ConnectionMonitorInit } from 'libp2p'

const KIB = 1024
const MIB = 1024 * KIB
const MINUTE_MS = 60_000

/** Expected most clients of one relay. Half a MiB of memory each (measured). */
export const RELAY_CLIENTS_MAX = 2_000
/**
 * All connections of one relay: besides its clients those that carry a work stream only. They hold no reservation and are in no
 * gossip mesh; one coordinator is to serve 10 000 of them.
 */
export const RELAY_CONNECTIONS_MAX = RELAY_CLIENTS_MAX + 10_000

// --- connections ---------------------------------------------------------------------------------------------------------

/** libp2p gives a lost relay up after five tries and forgets it; `superviseRelay` redials for ever instead, alone. */
const NO_OWN_RECONNECT = { reconnectRetries: 0 } satisfies ConnectionManagerInit

export const RELAY_CONNECTIONS: ConnectionManagerInit = {
  ...NO_OWN_RECONNECT,
  /** Default 5 a second for each IP: 25 of 30 clients behind one proxy or NAT failed with "Unexpected EOF" (measured). */
  inboundConnectionThreshold: 10_000,
  /** Default 300: beyond it, connections are pruned, those of working volunteers too (source). */
  maxConnections: RELAY_CONNECTIONS_MAX,
  /** Default 10: a storm after a relay restart would be refused (source). */
  maxIncomingPendingConnections: 1_000
}

export const CLIENT_CONNECTIONS: ConnectionManagerInit = { ...NO_OWN_RECONNECT, maxConnections: 100 }

/** Of a relay's WebSockets; see heartbeat.ts. Dead ones are found within three of them. */
export const HEARTBEAT_MS = 15_000

/**
 * Of clients, which ask every 30 s whether the relay is still there, and give it up when the answer is late. Default 10 s: a third of all
 * that 500 clients with units of 10 s had to do; and 5 s: a main thread that was blocked for 9 s lost its relay (both measured). Of a line
 * that goes dead without a word they hear within 50 s.
 */
export const CONNECTION_MONITOR: ConnectionMonitorInit = { pingInterval: 30_000, pingTimeout: { minTimeout: 20_000 } }

/**
 * A connection is looked at for what is missing on it: no sooner than libp2p has given up, at the latest 5 s (identify) and 10 s (a stream)
 * after it was opened. Twice as long after each look in vain, up to the cap: a relay that is full has no address for everybody.
 */
export const SET_UP_MS = 20_000
export const SET_UP_CAP_MS = 5 * MINUTE_MS

/** A peer that is not connected and of which nothing new was heard is forgotten. Whoever is announced again is known again. */
export const FORGET_MS = 10 * MINUTE_MS

/** A dial that takes longer is given up and tried again. */
export const DIAL_TIMEOUT_MS = 10_000

/** Redial of a lost relay: full jitter, doubling from the base, never more than the cap, for ever. */
export const REDIAL_BASE_MS = 250
export const REDIAL_CAP_MS = 10_000
/** So many clients of one relay come back in a second, on average: 40 collapsed it (measured). See redial-delay.ts. */
export const JOINS_PER_SECOND = 8
/**
 * What a relay takes, whatever its clients do, e.g. when a proxy drops all of them at once: so many in a second, and a burst after
 * a quiet time. The others wait; longer than JOIN_HOLD_MS, and they would not be there before they give the dial up: libp2p gives
 * an address 6 s, shaking hands included, and leaves the socket open behind it (source). At 8 s, 500 who tried again took every
 * turn with dials that were given up, and nobody joined for 35 s (measured).
 */
export const RELAY_JOINS_PER_SECOND = 13
export const JOIN_BURST = 50
export const JOIN_HOLD_MS = 4_000
/** A connection that lived so long was a good one: the next redial comes at once. */
export const GOOD_CONNECTION_MS = 5_000

/** Direct WebRTC connections that a client looks for. Each costs memory and ICE traffic; gossip needs about twelve. */
export const PEERS_MAX = 16
/** A failed dial to a peer: full jitter as above; after the tries, the peer is left alone until it announces something new. */
export const PEER_REDIAL_BASE_MS = 1_000
export const PEER_REDIAL_CAP_MS = 30_000
export const PEER_TRIES = 5

// --- streams -------------------------------------------------------------------------------------------------------------

/**
 * A paused stream may still receive one whole window; a stream that holds more than 4 MiB unread is reset (source).
 * The window grows to 16 MiB by default, so a slow reader on a fast line would be cut off. It must stay under 4 MiB.
 */
export const YAMUX = { streamOptions: { maxStreamWindowSize: 2 * MIB } }

/** A full socket is looked at again after this time; default 500 ms stalls a fast line twice a second (source). */
export const WEBSOCKETS = { bufferedAmountPollInterval: 20 }

// --- circuit relay -------------------------------------------------------------------------------------------------------

export const CIRCUIT_RELAY: CircuitRelayServerInit = {
  reservations: {
    /** Default 15: whoever comes later has no address, hence no discovery and no WebRTC (measured with 30). */
    maxReservations: RELAY_CLIENTS_MAX,
    /**
     * Keep true: circuits marked as limited keep gossip off themselves, so that gossip opens on the WebRTC connection.
     * With false, gossip stuck to the circuit and WebRTC carried no stream (measured).
     */
    applyDefaultLimit: true,
    /** Default 2 min: the circuit closed at exactly 120 s (measured). */
    defaultDurationLimit: 30 * MINUTE_MS,
    /** Default 128 KiB: the second blob of 100 KiB killed the circuit (measured). */
    defaultDataLimit: BigInt(64 * MIB)
  },
  /** Default 32 (source): one hop stream for each circuit that is being opened through this relay. */
  maxInboundHopStreams: RELAY_CLIENTS_MAX,
  maxOutboundHopStreams: RELAY_CLIENTS_MAX,
  maxOutboundStopStreams: RELAY_CLIENTS_MAX
}

// --- gossip --------------------------------------------------------------------------------------------------------------

/**
 * Topics have no score at all until they are listed. Three invalid messages bring a peer to −180, below
 * the −80 from which on nothing that it says is read; two do not.
 * Rewards are off, because a long and friendly past (up to +3600 by default) would pay for many lies. The penalty for few mesh
 * deliveries is off, because a quiet topic is no offence: by default 20 messages are demanded within 5 s (source).
 */
const TOPIC_SCORE = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: -20,
  invalidMessageDeliveriesDecay: 0.99
}

/** For whoever wants to see that messages arrive. */
export const TEST_TOPIC = 'peercompute/test/1'
export const TEST_MAX_BYTES = 256

const GOSSIP: Partial<GossipsubOpts> = {
  /** Else publishing throws until the first subscriber is known. */
  allowPublishToZeroTopicPeers: true,
  /** Leave false: see `applyDefaultLimit`. */
  runOnLimitedConnection: false,
  /** StrictSign: `from` of a message is authenticated. */
  globalSignaturePolicy: 'StrictSign',
  scoreParams: {
    /** Default −5·(n − 10)² for n peers on one IP: with 30 clients behind one proxy nobody received anything (measured). */
    IPColocationFactorWeight: 0,
    topics: { [LEDGER_TOPIC]: TOPIC_SCORE, [DISCOVERY_TOPIC]: TOPIC_SCORE, [TEST_TOPIC]: TOPIC_SCORE }
  }
}

export const CLIENT_GOSSIP: Partial<GossipsubOpts> = GOSSIP

/** A star: the relay's mesh must hold all clients. With D = 8, 37 % of the messages to 100 clients were lost; with 500, none (measured). */
export const RELAY_GOSSIP: Partial<GossipsubOpts> = { ...GOSSIP, D: 500, Dlo: 490, Dhi: 1_000 }

/** gossipsub forwards only topics that it is itself subscribed to: 0 of 200 arrived otherwise (measured). */
export const RELAY_TOPICS: readonly string[] = [LEDGER_TOPIC, DISCOVERY_TOPIC, TEST_TOPIC]

/** Gossip has reached everybody after this time, or it is lost: one heartbeat of gossipsub, and a half. */
export const GOSSIP_SETTLE_MS = 1_500

/** An announcement is a public key and a few addresses. */
export const DISCOVERY_MAX_BYTES = 4 * KIB
/** Of one peer in a small crowd. Default 10 s. */
export const ANNOUNCE_MS = 1_000
/**
 * A relay passes each announcement on to everybody: n·(n − 1) of them in one interval, at most so many in a second. Each costs its
 * receiver half a millisecond: 100 clients on two cores were busy with nothing else at 2 200 a second (measured).
 */
export const ANNOUNCEMENTS_PER_SECOND = 1_000
/** An announcement that says nothing new is not read again for so long. */
export const ANNOUNCEMENT_FRESH_MS = 5 * MINUTE_MS

/** So many clients of a relay are all told of each other when they come; of more, each of INTRODUCTIONS others. */
export const EVERYBODY_MAX = 100
export const INTRODUCTIONS = 30
/** What changes is collected for so long, and so much longer for each client, since all of them are told. */
export const INTRODUCE_MS = 250
export const INTRODUCE_PER_CLIENT_MS = 5
/** A client may introduce itself again, with other addresses, so often. */
export const INTRODUCE_AGAIN_MS = 1_000
/** A client that registers topics again and again on one stream is read so often. */
export const REGISTER_AGAIN_MS = 500

/** The report of a network: no sooner after a change, and no later, so that round trips and ages stay true. */
export const OBSERVE_PAUSE_MS = 250
export const OBSERVE_EVERY_MS = 5_000

// --- client --------------------------------------------------------------------------------------------------------------

/** Without both there is nothing to announce and nobody can reach this peer. */
export const CLIENT_LISTEN = { circuit: '/p2p-circuit', webRtc: '/webrtc' } as const

/**
 * No ICE server unless configured: the browser default is four STUN servers of third parties (source).
 * 16 MiB may wait in a data channel by default; 1 MiB keeps the sender's memory bounded.
 */
export function webRtcSettings(iceServers: readonly RTCIceServer[], iceTransportPolicy?: RTCIceTransportPolicy): WebRTCTransportInit {
  return {
    rtcConfiguration: { iceServers: [...iceServers], ...(iceTransportPolicy === undefined ? {} : { iceTransportPolicy }) },
    dataChannel: { maxBufferedAmount: MIB }
  }
}

// --- frame channels ------------------------------------------------------------------------------------------------------

/** Bytes of parsed frames that may wait for a slow consumer before the stream is paused. */
export const CHANNEL_QUEUE_BYTES = MIB
/** A frame is handed to the stream in pieces of this size, each after the stream can take it. */
export const CHANNEL_CHUNK_BYTES = 64 * KIB
/** A remote that takes nothing for so long is gone. */
export const CHANNEL_STALL_MS = 60_000
/** After `close()`, the remote has this long to end its side. */
export const CHANNEL_CLOSE_MS = 5_000
/** Whoever opens a sealed stream has this long to show that it holds the key. */
export const FIRST_SEALED_FRAME_MS = 5_000

/** Kademlia of this platform only; never joins the public DHT. */
export const DHT_PROTOCOL = '/peercompute/kad/1'
