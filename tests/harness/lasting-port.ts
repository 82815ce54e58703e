/** A port that stays free while its server is down: none that the system gives to connections of clients. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'

/**
 * Linux gives 32768 and above to connections that somebody makes, other systems 49152 and above (RFC 6335). On loopback a client that
 * tries such a port again and again while nobody listens may even be given the same one, and is then connected with itself.
 */
const FIRST = 20_000
const END = 32_768

export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    } finally {
      server.close()
    }
  }
}
