/** A BytePipe over a libp2p stream. */
import { PeerComputeError } from '@peercompute/job-specs'
import { asError } from './as-error.ts'
import { CHANNEL_CHUNK_BYTES, CHANNEL_CLOSE_MS } from './settings.ts'
import type { BytePipe, PipeListener } from './byte-pipe.ts'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'

export function streamPipe(stream: Stream, remote: string): BytePipe {
  let listener: PipeListener | undefined
  let over = false
  // while the protocol was negotiated, all of a short stream may have come already, goodbye included
  let remoteClosed = stream.status === 'open' && stream.remoteWriteStatus === 'closed'

  function end(error: Error | undefined): void {
    if (over) return
    over = true
    listener?.end(error)
  }

  /** libp2p ends some lost streams without an error; a goodbye from the remote tells them apart. */
  function reasonOfEnd(): Error | undefined {
    return remoteClosed ? undefined : lost(undefined)
  }

  function lost(cause: Error | undefined): Error {
    if (cause instanceof PeerComputeError) return cause
    return new PeerComputeError('PEER_UNREACHABLE', `the stream was lost (${stream.status})`, { cause })
  }

  function abort(error: Error): void {
    end(error)
    stream.abort(error)
  }

  const busy = (): boolean =>
    stream.writeStatus === 'writable' && (stream.writableNeedsDrain || stream.writeBufferLength > CHANNEL_CHUNK_BYTES)

  return {
    remote,
    get ready() {
      return !busy()
    },
    /**
     * Waits for the events: the promise of `stream.onDrain()` stays resolved after its first use, and 58 of 62 MiB then sat in
     * memory (measured, @libp2p/utils 7.4.1).
     */
    async whenReady(timeoutMs) {
      while (busy()) if ((await firstEvent(stream, ['drain', 'idle', 'close'], timeoutMs)) === 'timeout') return false
      return true
    },
    write(bytes) {
      try {
        stream.send(bytes)
      } catch (cause) {
        throw new PeerComputeError('PEER_UNREACHABLE', `the stream to ${remote} is ${stream.status}`, { cause })
      }
    },
    listen(heard) {
      listener = heard
      stream.addEventListener('message', (event: StreamMessageEvent) => {
        if (over) return
        heard.data(event.data.subarray())
        if (stream.readableEnded && stream.readBufferLength === 0) end(reasonOfEnd())
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
    },
    pause() {
      if (stream.readStatus === 'readable') stream.pause()
    },
    resume() {
      if (stream.readStatus !== 'paused') return
      try {
        stream.resume()
      } catch (error) {
        end(lost(error instanceof Error ? error : undefined))
      }
    },
    async close() {
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
