/**
 * WebSockets whose connections can be aborted, and are read in turns and watched when others have dialled. `websocket`, `sendReset`,
 * `onData` and the two endings are not public API of @libp2p/websockets 10.1.21: they are touched here, in read-in-turns.ts and in
 * heartbeat.ts only, and tests show what happens without.
 */
import { webSockets } from '@libp2p/websockets'
import { keepBeating } from './heartbeat.ts'
import { readInTurns } from './read-in-turns.ts'
import { WEBSOCKETS } from './settings.ts'
import { systemClock, type Clock } from './time/clock.ts'
import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'

type Components = Parameters<ReturnType<typeof webSockets>>[0]

export function abortableWebSockets(clock: Clock = systemClock): (components: Components) => Transport {
  return (components) => {
    const transport = webSockets(WEBSOCKETS)(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: preparing(options.upgrader, clock) })
    transport.createListener = (options) => createListener({ ...options, upgrader: preparing(options.upgrader, clock) })
    return transport
  }
}

function preparing(upgrader: Upgrader, clock: Clock): Upgrader {
  return {
    upgradeOutbound: (connection: MultiaddrConnection, options: Parameters<Upgrader['upgradeOutbound']>[1]) => {
      endAtOnce(connection)
      return upgrader.upgradeOutbound(connection, options)
    },
    upgradeInbound: (connection: MultiaddrConnection, options: Parameters<Upgrader['upgradeInbound']>[1]) => {
      endAtOnce(connection)
      readInTurns(connection)
      keepBeating(connection, clock)
      return upgrader.upgradeInbound(connection, options)
    },
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters()
  }
}

/**
 * Upstream ends an aborted connection by `close(1006)`, which every WebSocket refuses to send: the socket stays open, is read on, and a
 * listener's end waits for it (measured: for more than a minute). `ws` can drop the socket; others say goodbye.
 */
function endAtOnce(connection: MultiaddrConnection): void {
  const socket: unknown = Reflect.get(connection, 'websocket')
  if (typeof socket !== 'object' || socket === null) return
  Reflect.set(connection, 'sendReset', () => {
    const end: unknown = Reflect.get(socket, 'terminate') ?? Reflect.get(socket, 'close')
    if (typeof end === 'function') Reflect.apply(end, socket, [])
  })
}
