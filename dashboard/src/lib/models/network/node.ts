/** This tab's node as the network page uses it, whoever made it: the volunteer, or the page itself. */
import type { NetworkReport } from '@peercompute/p2p'

export interface TestMessage {
  /** PeerId of the author. */
  readonly from: string
  /** By the author's clock. */
  readonly sentAtMs: number
  readonly text: string
}

export interface NetworkNode {
  report(): NetworkReport
  onReport(listener: (report: NetworkReport) => void): () => void
  /** Tells the others now that this node is here. */
  announce(): void
  /** Sends a test message to whoever has this page open. Resolves with the number of neighbours that took it. */
  publish(text: string): Promise<number>
  onMessage(listener: (message: TestMessage) => void): () => void
  /** Closes the connections to all relays until `redial`. */
  cut(): void
  redial(): void
}
