import type { CoordinatorInfo } from '@peercompute/job-specs'
import type { Ledger } from '@peercompute/ledger'
import type { NetworkReport, PeerNode } from '@peercompute/p2p'
import type { WorkChannel } from '../work/work-channel.ts'

/** A message that a person sent to see whether it arrives. */
export interface TestMessage {
  /** PeerId of its author. */
  readonly from: string
  readonly text: string
}

/** What a person may try out by hand, on the Network page. */
export interface NetworkTrials {
  /** Tells the others now who and where this peer is. */
  announce(): void
  /** Resolves with the number of neighbours that were handed the text, of at most 256 bytes. Who follows hears of it. */
  publish(text: string): Promise<number>
  /** Hears test messages of others until the returned function is called. */
  onMessage(listener: (message: TestMessage) => void): () => void
  /** Closes the connections to all relays and dials them no more until `retryNow`. */
  cut(): void
}

/** The peer-to-peer network as this package needs it. */
export interface PeerNetwork {
  /** Rejects when the relay does not answer, e.g. because a proxy lets no WebSocket through. */
  openWorkChannel(info: CoordinatorInfo, signal: AbortSignal): Promise<WorkChannel>
  /** Sent and received so far, in all streams. */
  readonly bytes: number
  /** PeerIds of who is connected, the relay among them. */
  peers(): readonly string[]
  onPeers(listener: () => void): () => void
  /** Dials the relays now instead of at the end of the pause, e.g. because the device is online again. */
  retryNow(): void
  /** Exchanges the ledger with all peers until the network stops. */
  share(ledger: Ledger): Promise<void>
  report(): NetworkReport
  /** At most four times a second, and at least every five seconds. Returns the function that ends it. */
  onReport(listener: (report: NetworkReport) => void): () => void
  readonly trials: NetworkTrials
  /** The libp2p node, for further protocols on the same connections, such as rooms and blobs. */
  readonly node: PeerNode
  stop(): Promise<void>
}

export type StartPeerNetwork = (info: CoordinatorInfo) => Promise<PeerNetwork>
