/** One connection with as little around it as libp2p allows, so that a process can hold hundreds of them. */
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { encryption } from '../encryption.ts'
import type { FrameChannel } from '../frame-channel.ts'
import { logging } from '../logging.ts'
import { muxer } from '../muxer.ts'
import { CLIENT_CONNECTIONS, CONNECTION_MONITOR } from '../settings.ts'
import { streamChannel } from '../stream-channel.ts'
import { abortableWebSockets } from '../web-sockets.ts'

export interface LightConnection {
  readonly channel: FrameChannel
  /** Closes stream and connection. */
  readonly stop: () => Promise<void>
}

/**
 * Dials with a PeerId of its own and opens one stream. WebSocket, noise, yamux, identify and ping as every client has them; no gossip,
 * no DHT, no address through a relay. `signal` bounds the opening. Rejects with what libp2p says; nothing stays open then.
 */
export async function openLightConnection(
  address: string,
  protocol: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal }
): Promise<LightConnection> {
  const node = await createLibp2p({
    transports: [abortableWebSockets()],
    ...logging(),
    connectionEncrypters: [await encryption(false, [])],
    streamMuxers: [muxer()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: CLIENT_CONNECTIONS,
    connectionMonitor: CONNECTION_MONITOR,
    services: { identify: identify(), ping: ping() }
  })
  try {
    const connection = await node.dial(multiaddr(address), { signal })
    const stream = await connection.newStream(protocol, { signal })
    const channel = streamChannel(stream, connection.remotePeer.toString(), { limit })
    return {
      channel,
      stop: async () => {
        await channel.close()
        await node.stop()
      }
    }
  } catch (error) {
    await node.stop()
    throw error
  }
}
