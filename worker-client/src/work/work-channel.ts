import type { Frame } from '@peercompute/job-specs/protocol'

/**
 * A way to exchange work frames with a coordinator: a libp2p stream, or POST requests. The protocol above it does not know which.
 * `frames` is iterated once; it ends when the other side closes and throws when the connection breaks or a frame is no frame.
 */
export interface WorkChannel {
  send(message: object, attachment?: Uint8Array): Promise<void>
  readonly frames: AsyncIterable<Frame>
  close(): Promise<void>
}
