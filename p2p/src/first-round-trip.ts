/** The connection monitor pings for the first time after half a minute; whoever looks at a new connection need not wait for that. */
import { byteStream } from '@libp2p/utils'
import { DIAL_TIMEOUT_MS } from './settings.ts'
import type { Connection, Libp2p } from '@libp2p/interface'

/** Of the monitor and of this: a ping that finds no stream left would end the connection. */
export const PINGS_AT_ONCE = 2

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_BYTES = 32

/** Every direct connection has its `rtt` as soon as one ping was answered. */
export function measureFirstRoundTrips(node: Pick<Libp2p, 'addEventListener'>): void {
  node.addEventListener('connection:open', ({ detail }: CustomEvent<Connection>) => {
    if (detail.limits === undefined) void measure(detail)
  })
}

/** Not by the ping service: when the connection has gone, that one dials. */
async function measure(connection: Connection): Promise<void> {
  const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { signal })
    const bytes = byteStream(stream)
    const began = performance.now()
    await Promise.all([
      bytes.write(crypto.getRandomValues(new Uint8Array(PING_BYTES)), { signal }),
      bytes.read({ bytes: PING_BYTES, signal })
    ])
    connection.rtt ??= performance.now() - began
    await stream.close({ signal })
  } catch {
    // Gone already, or slow: the monitor finds out.
  }
}
