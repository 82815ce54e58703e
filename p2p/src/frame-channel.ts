/** Messages both ways between two parties. Over bytes see pipe-channel.ts; anything else may have the same shape. */
import type { Frame } from '@peercompute/job-specs/protocol'

export interface FrameChannel {
  /** PeerId, or whatever names the other side. */
  readonly remote: string
  /**
   * Resolves when the message was handed to the transport, which may mean waiting until the other side has read earlier ones.
   * Order is kept. Rejects with FRAME_TOO_LARGE (nothing was sent), TIMEOUT (the other side reads nothing; the channel is gone)
   * or PEER_UNREACHABLE (it is closed).
   */
  send(message: object, attachment?: Uint8Array): Promise<void>
  /**
   * What the other side sent, for one reader; leaving a loop and starting another goes on where the first ended. Ends when the other
   * side closed. Throws FRAME_TOO_LARGE or FRAME_INVALID for a stream that is not made of frames, PEER_UNREACHABLE when it was
   * lost. A slow reader slows the sender down.
   */
  readonly frames: AsyncIterable<Frame>
  /** Sends what is waiting, then says goodbye. The other side has a few seconds to do the same. Never rejects. */
  close(): Promise<void>
  /** Ends it at once, for both sides. Unread frames are dropped. */
  abort(error: Error): void
}
