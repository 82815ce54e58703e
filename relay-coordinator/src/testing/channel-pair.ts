/** Two ends of a channel in memory. Every frame goes through the real encoder and reader. */
import { PeerComputeError } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, WORK_FRAME_MAX_BYTES, type Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'

export interface TestChannel extends FrameChannel {
  /** Puts raw bytes onto the wire, whatever they are. */
  sendBytes(bytes: Uint8Array): void
  readonly closed: boolean
}

interface Inbox {
  readonly frames: Frame[]
  error: Error | null
  ended: boolean
  wake: () => void
  readonly reader: FrameReader
}

export function createChannelPair(): { host: TestChannel; coordinator: TestChannel } {
  const inboxes: [Inbox, Inbox] = [createInbox(), createInbox()]
  return { host: end(inboxes[0], inboxes[1], 'coordinator'), coordinator: end(inboxes[1], inboxes[0], 'host') }
}

function createInbox(): Inbox {
  return { frames: [], error: null, ended: false, wake: () => undefined, reader: new FrameReader(WORK_FRAME_MAX_BYTES) }
}

function end(own: Inbox, other: Inbox, remote: string): TestChannel {
  let closed = false
  const finish = (error: Error | null): void => {
    closed = true
    for (const inbox of [own, other]) {
      inbox.ended = true
      inbox.error ??= error
      inbox.wake()
    }
  }
  const sendBytes = (bytes: Uint8Array): void => {
    try {
      other.frames.push(...other.reader.push(bytes))
    } catch (error) {
      finish(error instanceof Error ? error : new Error(String(error))) // as a stream does: there is no way on after it
    }
    other.wake()
  }
  return {
    remote,
    sendBytes,
    get closed() {
      return closed || own.ended
    },
    async send(message, attachment) {
      if (own.ended) throw new PeerComputeError('PEER_UNREACHABLE', 'the channel is closed')
      sendBytes(encodeFrame(message, attachment))
    },
    frames: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const frame = own.frames.shift()
          if (frame !== undefined) yield frame
          else if (own.error !== null) throw own.error
          else if (own.ended) return
          else
            await new Promise<void>((resolve) => {
              own.wake = resolve
            })
        }
      }
    },
    async close() {
      finish(null)
    },
    abort: finish
  }
}
