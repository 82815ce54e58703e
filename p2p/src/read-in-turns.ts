/**
 * A connection that sends much is read no faster than the others. A socket's read brings hundreds of small messages, all of which would
 * be decrypted and handled in one go, and of many such connections the honest ones wait for all. What waits is bounded: then the
 * socket itself is left unread, and in the end the sender waits.
 */
import type { MultiaddrConnection } from '@libp2p/interface'

/** Messages of one connection that are handled before the others have their turn. Bulk data comes 64 KiB in each. */
export const READS_PER_TURN = 8
/** Bytes that wait for their turn before the socket is left alone; one read of it, 64 KiB, may come on top. */
const WAITING_MAX_BYTES = 262_144

/** Of a WebSocket of `ws`, before anything has come. */
export function readInTurns(connection: MultiaddrConnection): void {
  const socket: unknown = Reflect.get(connection, 'websocket')
  const handle: unknown = Reflect.get(connection, 'onData')
  if (typeof socket !== 'object' || socket === null || typeof handle !== 'function') return
  const waiting: Uint8Array[] = []
  let bytes = 0
  let read = 0
  let paused = false
  let turnComes = false
  let goodbye: (() => void) | undefined

  const hand = (data: Uint8Array): void => {
    Reflect.apply(handle, connection, [data])
  }
  const tell = (method: 'pause' | 'resume'): void => {
    const told: unknown = Reflect.get(socket, method)
    if (typeof told === 'function') Reflect.apply(told, socket, [])
    paused = method === 'pause'
  }
  const handNext = (): void => {
    const next = waiting.shift()
    if (next === undefined) return
    bytes -= next.length
    hand(next)
  }

  function awaitTurn(): void {
    if (turnComes) return
    turnComes = true
    setImmediate(() => {
      turnComes = false
      for (read = 0; read < READS_PER_TURN && waiting.length > 0; read++) handNext()
      if (paused && bytes < WAITING_MAX_BYTES / 2) tell('resume')
      if (waiting.length === 0) goodbye?.()
      if (read > 0) awaitTurn()
    })
  }

  Reflect.set(connection, 'onData', (data: Uint8Array) => {
    awaitTurn()
    if (waiting.length === 0 && read < READS_PER_TURN) {
      read += 1
      hand(data)
      return
    }
    waiting.push(data)
    bytes += data.length
    if (!paused && bytes > WAITING_MAX_BYTES) tell('pause')
  })

  // What was sent before a goodbye arrives before it.
  for (const name of ['onTransportClosed', 'onRemoteReset'] as const) {
    const end: unknown = Reflect.get(connection, name)
    if (typeof end !== 'function') continue
    Reflect.set(connection, name, (...args: unknown[]) => {
      goodbye = () => {
        goodbye = undefined
        Reflect.apply(end, connection, args)
      }
      if (waiting.length === 0) goodbye()
    })
  }
}
