/** A FrameChannel over a pipe of bytes, with back pressure in both directions. */
import { PeerComputeError } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, type Frame } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { atEndOfTurn } from './end-of-turn.ts'
import { CHANNEL_CHUNK_BYTES, CHANNEL_QUEUE_BYTES, CHANNEL_STALL_MS } from './settings.ts'
import type { BytePipe } from './byte-pipe.ts'
import type { FrameChannel } from './frame-channel.ts'

export interface PipeChannelOptions {
  /** Largest frame in either direction, in bytes. */
  readonly limit: number
  /** How long `send` waits for a remote that reads nothing, ms. */
  readonly stallMs?: number
}

/** Call it in the same turn in which the pipe was received. */
export function pipeChannel(pipe: BytePipe, { limit, stallMs = CHANNEL_STALL_MS }: PipeChannelOptions): FrameChannel {
  const inbox = createInbox(pipe, limit)
  const outbox = createOutbox(pipe, stallMs)
  return {
    remote: pipe.remote,
    frames: { [Symbol.asyncIterator]: inbox.read },
    send(message, attachment) {
      const bytes = encodeFrame(message, attachment)
      if (bytes.length - 4 > limit) {
        return Promise.reject(new PeerComputeError('FRAME_TOO_LARGE', `a frame of ${bytes.length - 4} bytes, allowed are ${limit}`))
      }
      return outbox.send(bytes)
    },
    async close() {
      await outbox.sent()
      await pipe.close()
    },
    abort: (error) => {
      pipe.abort(error)
    }
  }
}

interface Outbox {
  readonly send: (frame: Uint8Array) => Promise<void>
  /** Resolves when nothing waits any more, whatever became of it. */
  readonly sent: () => Promise<void>
}

/**
 * Frames of one turn cross together: a write of its own costs each of them a yamux frame, an encryption and a system call, more
 * than all the rest of a small frame.
 */
function createOutbox(pipe: BytePipe, stallMs: number): Outbox {
  let batch: Uint8Array[] = []
  let batchSent: Promise<void> | undefined
  let sending: Promise<void> = Promise.resolve()

  async function write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += CHANNEL_CHUNK_BYTES) {
      if (!pipe.ready && !(await pipe.whenReady(stallMs))) {
        const error = new PeerComputeError('TIMEOUT', `${pipe.remote} has read nothing for ${stallMs} ms`)
        pipe.abort(error)
        throw error
      }
      pipe.write(bytes.subarray(offset, offset + CHANNEL_CHUNK_BYTES))
    }
  }

  async function writeBatch(earlier: Promise<void>): Promise<void> {
    await new Promise<void>(atEndOfTurn)
    await earlier
    const frames = batch
    batch = []
    batchSent = undefined
    for (const bytes of joined(frames)) await write(bytes)
  }

  return {
    send(frame) {
      batch.push(frame)
      if (batchSent === undefined) {
        batchSent = writeBatch(sending)
        sending = batchSent.catch(() => undefined)
      }
      return batchSent
    },
    sent: () => sending
  }
}

/** Small frames side by side, at most CHANNEL_CHUNK_BYTES of them in one piece; larger ones as they are. */
function joined(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  if (frames.length === 1) return frames
  const pieces: Uint8Array[] = []
  let group: Uint8Array[] = []
  let bytes = 0
  const endGroup = (): void => {
    if (group.length === 0) return
    const piece = new Uint8Array(bytes)
    let at = 0
    for (const frame of group) {
      piece.set(frame, at)
      at += frame.length
    }
    pieces.push(piece)
    group = []
    bytes = 0
  }
  for (const frame of frames) {
    if (bytes + frame.length > CHANNEL_CHUNK_BYTES) endGroup()
    if (frame.length > CHANNEL_CHUNK_BYTES) {
      pieces.push(frame)
      continue
    }
    group.push(frame)
    bytes += frame.length
  }
  endGroup()
  return pieces
}

interface Inbox {
  readonly read: () => AsyncGenerator<Frame, void>
}

/** Parses what arrives and holds it for the reader; pauses the pipe while more than CHANNEL_QUEUE_BYTES are unread. */
function createInbox(pipe: BytePipe, limit: number): Inbox {
  const reader = new FrameReader(limit)
  const queue: { frame: Frame; bytes: number }[] = []
  let queued = 0
  let over: { error: Error | undefined } | undefined
  let wake: () => void = () => undefined

  pipe.listen({
    data(bytes) {
      if (over !== undefined) return
      const arrived = reader.buffered + bytes.byteLength
      try {
        const frames = reader.push(bytes)
        const share = (arrived - reader.buffered) / Math.max(1, frames.length)
        for (const frame of frames) queue.push({ frame, bytes: share })
        queued += share * frames.length
      } catch (error) {
        pipe.abort(asError(error))
        return
      }
      if (queued > CHANNEL_QUEUE_BYTES) pipe.pause()
      wake()
    },
    end(error) {
      const cut = error === undefined && reader.incomplete
      over ??= { error: cut ? new PeerComputeError('FRAME_INVALID', `the stream ended ${reader.buffered} bytes into a frame`) : error }
      wake()
    }
  })

  return {
    async *read() {
      for (;;) {
        const next = queue.shift()
        if (next !== undefined) {
          queued -= next.bytes
          if (queued <= CHANNEL_QUEUE_BYTES / 2) pipe.resume()
          yield next.frame
        } else if (over === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        } else if (over.error === undefined) {
          return
        } else {
          throw over.error
        }
      }
    }
  }
}
