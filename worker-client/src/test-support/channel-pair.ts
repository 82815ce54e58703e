import { decodeFrames, encodeFrame, WORK_FRAME_MAX_BYTES, type Frame } from '@peercompute/job-specs/protocol'
import { createAsyncQueue } from '../async-queue.ts'
import type { WorkChannel } from '../work/work-channel.ts'

export interface TestChannel extends WorkChannel {
  /** Breaks the connection for both sides, as a lost network does. */
  break(): void
  readonly closed: boolean
}

/** Two ends of a connection inside this program. Messages pass as encoded frames, so both ends meet real bytes. */
export function createChannelPair(): [TestChannel, TestChannel] {
  const inboxes = [createAsyncQueue<Frame>(), createAsyncQueue<Frame>()] as const
  let closed = false
  const end = (error?: Error) => {
    closed = true
    for (const inbox of inboxes) inbox.end(error)
  }
  const side = (own: 0 | 1, other: 0 | 1): TestChannel => ({
    frames: inboxes[own],
    async send(message, attachment) {
      if (closed) throw new Error('The connection is closed')
      for (const frame of decodeFrames(encodeFrame(message, attachment), WORK_FRAME_MAX_BYTES)) inboxes[other].push(frame)
    },
    close: async () => {
      end()
    },
    break: () => {
      end(new Error('The connection was lost'))
    },
    get closed() {
      return closed
    }
  })
  return [side(0, 1), side(1, 0)]
}
