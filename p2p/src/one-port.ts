/**
 * One port for web pages, API and libp2p: WebSocket upgrades of an HTTP server are handed to the relay's own listener, which
 * keeps the client's real address. `components` and `onUpgrade` are not public API of libp2p 3.3.11 and @libp2p/websockets
 * 10.1.21, so they are touched here only, checked at run time, and pinned by a contract test.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import { createJoinQueue } from './join-queue.ts'
import { systemClock, type Clock } from './time/clock.ts'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * libp2p dials the path `/`; upgrades of other paths are left to the server's other listeners and refused when there are none.
 * `admit` may turn a client away by its address, e.g. for a rate limit. `addressOf` tells the client's IP where it is not the
 * socket's, as behind a trusted proxy. Of a crowd that comes at once, some are held for a few seconds, and some turned away
 * (see join-queue.ts). Returns the function that detaches.
 * Throws INTERNAL when the relay has no WebSocket listener.
 */
export function attachRelay(
  server: Server,
  relay: object,
  admit: (request: IncomingMessage) => boolean = () => true,
  addressOf: (request: IncomingMessage) => string | undefined = ({ socket }) => socket.remoteAddress,
  clock: Clock = systemClock
): () => void {
  const handOff = upgradeHandlerOf(relay)
  const queue = createJoinQueue(clock)
  const held = new Set<Duplex>()

  /** Whoever hangs up while it waits must not end the process: nobody else listens for errors of the socket then. */
  function enterLater(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const onError = (): void => {
      socket.destroy()
    }
    socket.on('error', onError)
    held.add(socket)
    const taken = queue.come(() => {
      held.delete(socket)
      socket.off('error', onError)
      if (!socket.destroyed) handOff(request, socket, head)
    })
    if (taken) return
    held.delete(socket)
    refuse(socket, '429 Too Many Requests')
  }

  const onUpgrade: UpgradeHandler = (request, socket, head) => {
    if (pathOf(request) !== '/') {
      if (server.listenerCount('upgrade') === 1) refuse(socket, '404 Not Found')
    } else if (admit(request)) {
      const address = addressOf(request)
      // libp2p takes the remote address from the socket, and an address of its own hides that of the connection to the proxy
      if (address !== request.socket.remoteAddress) Object.defineProperty(request.socket, 'remoteAddress', { value: address })
      enterLater(request, socket, head)
    } else {
      refuse(socket, '429 Too Many Requests')
    }
  }
  server.on('upgrade', onUpgrade)
  return () => {
    server.off('upgrade', onUpgrade)
    queue.stop()
    for (const socket of held) socket.destroy()
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {
    socket.destroy()
  })
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
}

/** The listener's `onUpgrade(request, socket, head)`, bound. */
export function upgradeHandlerOf(relay: object): UpgradeHandler {
  const manager = property(property(relay, 'components'), 'transportManager')
  const getListeners = property(manager, 'getListeners')
  const listeners: unknown = typeof getListeners === 'function' ? Reflect.apply(getListeners, manager, []) : []
  for (const listener of Array.isArray(listeners) ? listeners : []) {
    const onUpgrade = property(listener, 'onUpgrade')
    if (typeof onUpgrade === 'function') {
      return (request, socket, head) => {
        Reflect.apply(onUpgrade, listener, [request, socket, head])
      }
    }
  }
  throw new PeerComputeError('INTERNAL', 'the relay has no WebSocket listener that takes upgrades; was libp2p updated?')
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
