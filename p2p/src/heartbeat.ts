/**
 * Finds connections whose other end has gone without a word. libp2p's own monitor opens a stream on every connection every 10 s, on all
 * of them in one turn of the event loop: with 1 600 clients a relay stood still for more than a second each time (measured). A WebSocket's
 * ping is two bytes, and browsers and Node answer it themselves, in hidden tabs too.
 */
import { HEARTBEAT_MS } from './settings.ts'
import type { Clock } from './time/clock.ts'
import type { MultiaddrConnection } from '@libp2p/interface'

/** Beats without an answer after which the other end is gone. Of one alone, a stall of this process could be the cause. */
const MISSED_MAX = 2

/** What `ws` has and the WebSocket of browsers has not. */
interface Pingable {
  ping(): void
  terminate(): void
  on(event: 'pong' | 'close', listener: () => void): void
}

/** Of a WebSocket of `ws`, for as long as it is open; others are left alone. */
export function keepBeating(connection: MultiaddrConnection, clock: Clock): void {
  const socket: unknown = Reflect.get(connection, 'websocket')
  if (!isPingable(socket)) return
  let missed = 0
  let callOff: () => void
  const beat = (): void => {
    if (missed === MISSED_MAX) {
      socket.terminate()
      return
    }
    missed += 1
    socket.ping()
    callOff = clock.schedule(HEARTBEAT_MS, beat)
  }
  callOff = clock.schedule(HEARTBEAT_MS, beat)
  socket.on('pong', () => {
    missed = 0
  })
  socket.on('close', () => {
    callOff()
  })
}

function isPingable(socket: unknown): socket is Pingable {
  return (
    typeof socket === 'object' &&
    socket !== null &&
    ['ping', 'terminate', 'on'].every((name) => typeof Reflect.get(socket, name) === 'function')
  )
}
