/**
 * Closing within a bounded time. Node's `server.close()` waits for connections that have never sent a request (browsers and
 * fetch open such in advance) and for requests that dawdle.
 */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '@peercompute/p2p/time'

/** Time for requests that are under way. */
export const CLOSE_GRACE_MS = 5_000

export function closeGracefully(app: FastifyInstance, clock: Clock): void {
  // Sockets without a request. WebSockets stay among them: one that the relay has not ended before was opened while it stopped, and
  // neither `server.close()` nor `closeAllConnections()` would ever end it.
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))

  let cancel: () => void = () => undefined
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy()
    cancel = clock.schedule(CLOSE_GRACE_MS, () => {
      app.server.closeAllConnections()
    })
  })
  app.addHook('onClose', async () => {
    cancel()
  })
}
