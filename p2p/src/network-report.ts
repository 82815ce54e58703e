/** What a node knows about its own connections, as plain data: for the Network page, `net doctor` and tests. */
import type { RelayState } from './keep-connected.ts'

/** How bytes reach a peer: over the relay's own WebSocket, a relayed circuit, direct WebRTC, or direct TCP. */
export type PeerPath = 'websocket' | 'circuit' | 'webrtc' | 'tcp'

export interface RelayReport {
  /** The one in use, else the first that is configured. */
  readonly address: string
  readonly state: RelayState
  /** Last ping, one every 10 s; null before the first, and when not connected. */
  readonly rttMs: number | null
  /** True when this node has an address through this relay. */
  readonly reserved: boolean
}

export interface PeerReport {
  readonly peer: string
  readonly paths: readonly PeerPath[]
  readonly direction: 'inbound' | 'outbound'
  readonly relay: boolean
  /** In the gossip mesh of the ledger topic. */
  readonly mesh: boolean
  /** Ledger exchange under way. */
  readonly ledger: boolean
}

export interface DialFailure {
  readonly peer: string
  readonly at: number
  readonly cause: string
}

export interface NetworkReport {
  readonly peer: string
  /** This runtime can do WebRTC. */
  readonly webRtc: boolean
  /** STUN and TURN servers that were configured. */
  readonly iceServers: number
  /** Own addresses that others can dial. */
  readonly addresses: readonly string[]
  readonly relays: readonly RelayReport[]
  readonly peers: readonly PeerReport[]
  /** Peers that were announced, connected or not. */
  readonly known: number
  readonly topics: readonly { readonly topic: string; readonly subscribers: number; readonly mesh: number }[]
  /** The latest, at most 20, newest first. */
  readonly failures: readonly DialFailure[]
}
