/**
 * yamux, with windows that are refilled when half of them is used. @libp2p/yamux 8.0.3 answers every frame of data with a window
 * update, which is a message of its own: encrypted, written, read and decrypted, as dear as the small frame that caused it.
 * A sender that knows half a window to be free is never held up by it. `sendWindowUpdate` and the fields are not public API: they are
 * touched here only, and a test shows that an update without need is what upstream sends.
 */
import { yamux } from '@libp2p/yamux'
import { YAMUX } from './settings.ts'
import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'

/** `StreamState.Established` of @libp2p/yamux: in other states an update carries flags, or is held back already. */
const ESTABLISHED = 3

export function muxer(): () => StreamMuxerFactory {
  return () => {
    const factory = yamux(YAMUX)()
    return {
      protocol: factory.protocol,
      createStreamMuxer(connection) {
        const made: StreamMuxer = factory.createStreamMuxer(connection)
        onEachStream(made, refillAtHalf)
        return made
      }
    }
  }
}

function onEachStream(made: object, change: (stream: object) => void): void {
  const create: unknown = Reflect.get(made, 'onCreateStream')
  const receive: unknown = Reflect.get(made, 'onRemoteStream')
  if (typeof create !== 'function' || typeof receive !== 'function') return
  Reflect.set(made, 'onCreateStream', (...args: unknown[]) => {
    const stream: unknown = Reflect.apply(create, made, args)
    if (typeof stream === 'object' && stream !== null) change(stream)
    return stream
  })
  Reflect.set(made, 'onRemoteStream', (stream: object) => {
    change(stream)
    Reflect.apply(receive, made, [stream])
  })
}

function refillAtHalf(stream: object): void {
  const update: unknown = Reflect.get(stream, 'sendWindowUpdate')
  if (typeof update !== 'function') return
  Reflect.set(stream, 'sendWindowUpdate', () => {
    const [state, window, left]: unknown[] = ['state', 'recvWindow', 'recvWindowCapacity'].map((name): unknown => Reflect.get(stream, name))
    if (state === ESTABLISHED && typeof window === 'number' && typeof left === 'number' && left > window / 2) return
    Reflect.apply(update, stream, [])
  })
}
