import type { CoordinatorInfo } from '@peercompute/job-specs'
import type { Ledger } from '@peercompute/ledger'
import type { WorkChannel } from '../work/work-channel.ts'

/** The peer-to-peer network as this package needs it. */
export interface PeerNetwork {
  /** Rejects when the relay does not answer, e.g. because a proxy lets no WebSocket through. */
  openWorkChannel(info: CoordinatorInfo, signal: AbortSignal): Promise<WorkChannel>
  /** PeerIds of who is connected, the relay among them. */
  peers(): readonly string[]
  onPeers(listener: () => void): () => void
  /** Dials the relay now instead of at the end of the pause, e.g. because the device is online again. */
  retryNow(): void
  /** Exchanges the ledger with all peers until the network stops. */
  share(ledger: Ledger): Promise<void>
  stop(): Promise<void>
}

export type StartPeerNetwork = (info: CoordinatorInfo) => Promise<PeerNetwork>
