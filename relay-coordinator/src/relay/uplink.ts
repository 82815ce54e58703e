/**
 * Many streams over one local socket, between a relay process and the scheduler.
 *
 *   u32 length of what follows · u8 kind · u32 stream · body
 *
 * Each stream has a window: so many bytes may be under way that the other end has not taken. A host that reads slowly stops its own
 * stream and no other. Messages of one turn leave in one system call.
 */
import type { Duplex } from 'node:stream'
import { PeerComputeError } from '@peercompute/job-specs'
import type { BytePipe, PipeListener } from '@peercompute/p2p'
import { originSchema, type StreamOrigin } from './relay-messages.ts'
import { UplinkReader } from './uplink-reader.ts'

/** Bytes of one stream that may be under way. */
const WINDOW_BYTES = 262_144
/** Bytes that may wait for the socket, of all streams. */
const SOCKET_QUEUE_BYTES = 4_194_304
const HEADER_BYTES = 9
const BODY_BYTES = 65_536
const KIND = { told: 0, open: 1, data: 2, end: 3, abort: 4, taken: 5 } as const

export interface UplinkInit {
  readonly socket: Duplex
  /** JSON from the other end, not checked yet. */
  readonly onTold: (message: unknown) => void
  /** The other end has opened a stream, whose listener must be set at once. */
  readonly onOpen: (pipe: BytePipe, origin: StreamOrigin) => void
  /** Once. Every stream has ended by then. */
  readonly onClosed: () => void
}

export interface Uplink {
  tell(message: object): void
  open(origin: StreamOrigin): BytePipe
  readonly streams: number
  close(): void
}

interface OpenStream {
  readonly pipe: BytePipe
  arrived(kind: number, body: Buffer): void
  /** Looks again whether those who wait for room can go on. */
  look(): void
  lost(error: Error): void
}

export function createUplink({ socket, onTold, onOpen, onClosed }: UplinkInit): Uplink {
  const reader = new UplinkReader(BODY_BYTES + HEADER_BYTES)
  const streams = new Map<number, OpenStream>()
  let nextStream = 1
  let corked = false
  let closed = false

  function send(kind: number, stream: number, body: Uint8Array = new Uint8Array(0)): void {
    if (closed) return
    if (!corked) {
      corked = true
      socket.cork()
      queueMicrotask(() => {
        process.nextTick(() => {
          corked = false
          socket.uncork()
        })
      })
    }
    const message = Buffer.allocUnsafe(HEADER_BYTES + body.length)
    message.writeUInt32BE(HEADER_BYTES - 4 + body.length, 0)
    message.writeUInt8(kind, 4)
    message.writeUInt32BE(stream, 5)
    message.set(body, HEADER_BYTES)
    socket.write(message)
  }

  function createStream(id: number, remote: string): OpenStream {
    let listener: PipeListener | undefined
    let room = WINDOW_BYTES
    let untold = 0
    let paused = false
    let over = false
    const said = { own: false, other: false }
    const waiting = new Set<() => void>()

    function end(error: Error | undefined): void {
      if (over) return
      over = true
      listener?.end(error)
    }
    function forget(): void {
      streams.delete(id)
      end(new PeerComputeError('PEER_UNREACHABLE', `the stream to ${remote} has ended`))
      for (const wake of waiting) wake()
    }
    function tellTaken(): void {
      const body = Buffer.allocUnsafe(4)
      body.writeUInt32BE(untold, 0)
      untold = 0
      send(KIND.taken, id, body)
    }
    const isOpen = (): boolean => streams.has(id) && !said.own
    const busy = (): boolean => isOpen() && (room <= 0 || socket.writableLength > SOCKET_QUEUE_BYTES)

    const pipe: BytePipe = {
      remote,
      get ready() {
        return !busy()
      },
      whenReady: (timeoutMs) =>
        new Promise((resolve) => {
          const settle = (inTime: boolean): void => {
            clearTimeout(timer)
            waiting.delete(look)
            resolve(inTime)
          }
          const look = (): void => {
            if (!busy()) settle(true)
          }
          const timer = setTimeout(settle, timeoutMs, false)
          waiting.add(look)
          look()
        }),
      write(bytes) {
        if (!isOpen()) throw new PeerComputeError('PEER_UNREACHABLE', `the stream to ${remote} is closed`)
        room -= bytes.length
        for (let at = 0; at < bytes.length; at += BODY_BYTES) send(KIND.data, id, bytes.subarray(at, at + BODY_BYTES))
      },
      listen(heard) {
        listener = heard
      },
      pause() {
        paused = true
      },
      resume() {
        if (!paused) return
        paused = false
        if (untold >= WINDOW_BYTES / 2) tellTaken()
      },
      close() {
        if (isOpen()) {
          said.own = true
          send(KIND.end, id)
          if (said.other) forget()
        }
        return Promise.resolve()
      },
      abort(error) {
        if (!streams.has(id)) return
        send(KIND.abort, id, Buffer.from(error.message.slice(0, 1_000)))
        end(error)
        forget()
      }
    }

    return {
      pipe,
      arrived(kind, body) {
        if (kind === KIND.data) {
          untold += body.length
          if (!over) listener?.data(body)
          if (!paused && untold >= WINDOW_BYTES / 2 && streams.has(id)) tellTaken()
        } else if (kind === KIND.taken) {
          room += body.readUInt32BE(0)
          for (const wake of waiting) wake()
        } else if (kind === KIND.end) {
          said.other = true
          end(undefined)
          if (said.own) forget()
        } else {
          end(new PeerComputeError('PEER_UNREACHABLE', body.toString()))
          forget()
        }
      },
      look() {
        for (const wake of waiting) wake()
      },
      lost(error) {
        end(error)
        forget()
      }
    }
  }

  function add(id: number, remote: string): BytePipe {
    const stream = createStream(id, remote)
    streams.set(id, stream)
    return stream.pipe
  }

  function read(chunk: Buffer): void {
    for (const { kind, stream, body } of reader.push(chunk)) {
      if (kind === KIND.told) onTold(JSON.parse(body.toString()))
      else if (kind === KIND.open) {
        const origin = originSchema.parse(JSON.parse(body.toString()))
        onOpen(add(stream, origin.remote), origin)
      } else streams.get(stream)?.arrived(kind, body)
    }
  }

  function finish(): void {
    if (closed) return
    closed = true
    const error = new PeerComputeError('PEER_UNREACHABLE', 'the relay process has ended')
    for (const stream of [...streams.values()]) stream.lost(error)
    onClosed()
  }

  socket.on('data', (chunk: Buffer) => {
    try {
      read(chunk)
    } catch {
      socket.destroy() // Both ends are of one version: what cannot be read has no remedy but a new process.
    }
  })
  socket.on('drain', () => {
    for (const stream of streams.values()) stream.look()
  })
  socket.on('error', finish)
  socket.on('end', finish)
  socket.on('close', finish)

  return {
    tell(message) {
      send(KIND.told, 0, Buffer.from(JSON.stringify(message)))
    },
    open(origin) {
      const id = nextStream++
      const pipe = add(id, origin.remote)
      send(KIND.open, id, Buffer.from(JSON.stringify(origin)))
      return pipe
    },
    get streams() {
      return streams.size
    },
    close() {
      socket.end()
    }
  }
}
