/** Binds the one port, and says in our words why it cannot be had. */
import { PeerComputeError } from '@peercompute/job-specs'
import { errorCode, errorMessage } from '../config/error-code.ts'
import type { App } from './components.ts'

/** Returns the port, which `port: 0` leaves open. Throws PORT_IN_USE, CONFIG_INVALID. */
export async function listen(app: App, { host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  try {
    // Fastify would listen on a second socket for ::1, to which the relay is not attached.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
  } catch (cause) {
    if (errorCode(cause) === 'EADDRINUSE')
      throw new PeerComputeError('PORT_IN_USE', `port ${port} of ${host} is taken by another program`, { cause })
    throw new PeerComputeError('CONFIG_INVALID', `cannot listen on port ${port} of ${host}: ${errorMessage(cause)}`, {
      cause,
      place: { path: 'port' }
    })
  }
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new PeerComputeError('INTERNAL', 'the server has no port')
  return address.port
}
