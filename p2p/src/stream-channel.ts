/** A FrameChannel over a libp2p stream, with back pressure in both directions. */
import { PeerComputeError } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, type Frame } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { CHANNEL_CHUNK_BYTES, CHANNEL_CLOSE_MS, CHANNEL_QUEUE_BYTES, CHANNEL_STALL_MS } from './settings.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'

export interface StreamChannelOptions {
  /** Largest frame in either direction, in bytes. */
  readonly limit: number
  /** How long `send` waits for a remote that reads nothing, ms. */
  readonly stallMs?: number
}

/** Call it in the same turn in which the stream was received: a stream without a listener is reset after 4 MiB. */
export function streamChannel(stream: Stream, remote: string, { limit, stallMs = CHANNEL_STALL_MS }: StreamChannelOptions): FrameChannel {
  const inbox = createInbox(stream, limit, abort)
  let sending: Promise<void> = Promise.resolve()

  function abort(error: Error): void {
    inbox.end(error)
    stream.abort(error)
  }

  async function write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += CHANNEL_CHUNK_BYTES) {
      if (!(await writable(stream, stallMs))) {
        const error = new PeerComputeError('TIMEOUT', `${remote} has read nothing for ${stallMs} ms`)
        abort(error)
        throw error
      }
      try {
        stream.send(bytes.subarray(offset, offset + CHANNEL_CHUNK_BYTES))
      } catch (cause) {
        throw new PeerComputeError('PEER_UNREACHABLE', `the stream to ${remote} is ${stream.status}`, { cause })
      }
    }
  }

  return {
    remote,
    frames: { [Symbol.asyncIterator]: inbox.read },
    send(message, attachment) {
      const bytes = encodeFrame(message, attachment)
      if (bytes.length - 4 > limit) {
        return Promise.reject(new PeerComputeError('FRAME_TOO_LARGE', `a frame of ${bytes.length - 4} bytes, allowed are ${limit}`))
      }
      const sent = sending.then(() => write(bytes))
      sending = sent.catch(() => undefined)
      return sent
    },
    async close() {
      await sending
      if (stream.status !== 'open') return
      const deadline = setTimeout(() => {
        abort(new PeerComputeError('TIMEOUT', `${remote} did not close its side`))
      }, CHANNEL_CLOSE_MS)
      stream.addEventListener('close', () => {
        clearTimeout(deadline)
      })
      try {
        await stream.close({ signal: AbortSignal.timeout(CHANNEL_CLOSE_MS) })
      } catch (error) {
        abort(asError(error))
      }
    },
    abort
  }
}

/**
 * Waits until the stream takes more; false after `stallMs`. It waits for the events: the promise of `stream.onDrain()`
 * stays resolved after its first use, and 58 of 62 MiB then sat in memory (measured, @libp2p/utils 7.4.1).
 */
async function writable(stream: Stream, stallMs: number): Promise<boolean> {
  while (stream.writeStatus === 'writable' && (stream.writableNeedsDrain || stream.writeBufferLength > CHANNEL_CHUNK_BYTES)) {
    if ((await firstEvent(stream, ['drain', 'idle', 'close'], stallMs)) === 'timeout') return false
  }
  return true
}

function firstEvent(stream: Stream, types: readonly ('drain' | 'idle' | 'close')[], timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const settle = (event: { type: string }): void => {
      clearTimeout(timer)
      for (const type of types) stream.removeEventListener(type, settle)
      resolve(event.type)
    }
    const timer = setTimeout(settle, timeoutMs, { type: 'timeout' })
    for (const type of types) stream.addEventListener(type, settle)
  })
}

interface Inbox {
  readonly read: () => AsyncGenerator<Frame, void>
  readonly end: (error: Error | undefined) => void
}

/** Parses what arrives and holds it for the reader; pauses the stream while more than CHANNEL_QUEUE_BYTES are unread. */
function createInbox(stream: Stream, limit: number, abort: (error: Error) => void): Inbox {
  const reader = new FrameReader(limit)
  const queue: { frame: Frame; bytes: number }[] = []
  let queued = 0
  let over: { error: Error | undefined } | undefined
  // while the protocol was negotiated, all of a short stream may have come already, goodbye included
  let remoteClosed = stream.status === 'open' && stream.remoteWriteStatus === 'closed'
  let wake: () => void = () => undefined

  function end(error: Error | undefined): void {
    over ??= { error }
    wake()
  }

  stream.addEventListener('message', (event: StreamMessageEvent) => {
    if (over !== undefined) return
    const arrived = reader.buffered + event.data.byteLength
    try {
      const frames = reader.push(event.data.subarray())
      const bytes = (arrived - reader.buffered) / Math.max(1, frames.length)
      for (const frame of frames) queue.push({ frame, bytes })
      queued += bytes * frames.length
    } catch (error) {
      abort(asError(error))
      return
    }
    if (queued > CHANNEL_QUEUE_BYTES && stream.readStatus === 'readable') stream.pause()
    if (stream.readableEnded && stream.readBufferLength === 0) end(reasonOfEnd())
    wake()
  })
  stream.addEventListener('remoteCloseWrite', () => {
    remoteClosed = true
  })
  stream.addEventListener('end', () => {
    end(reasonOfEnd())
  })
  stream.addEventListener('close', (event: StreamCloseEvent) => {
    // what a paused stream still holds comes when it is resumed, and then `end`
    if (event.error !== undefined || stream.readStatus !== 'paused') end(event.error === undefined ? reasonOfEnd() : lost(event.error))
  })

  if (stream.readableEnded && stream.readBufferLength === 0) end(reasonOfEnd())

  /** libp2p ends some lost streams without an error; a goodbye from the remote tells them apart. */
  function reasonOfEnd(): Error | undefined {
    if (!remoteClosed) return lost(undefined)
    return reader.incomplete ? new PeerComputeError('FRAME_INVALID', `the stream ended ${reader.buffered} bytes into a frame`) : undefined
  }

  function lost(cause: Error | undefined): Error {
    if (cause instanceof PeerComputeError) return cause
    return new PeerComputeError('PEER_UNREACHABLE', `the stream was lost (${stream.status})`, { cause })
  }

  function resume(): void {
    if (stream.readStatus !== 'paused' || queued > CHANNEL_QUEUE_BYTES / 2) return
    try {
      stream.resume()
    } catch (error) {
      end(lost(error instanceof Error ? error : undefined))
    }
  }

  return {
    end,
    async *read() {
      for (;;) {
        const next = queue.shift()
        if (next !== undefined) {
          queued -= next.bytes
          resume()
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
