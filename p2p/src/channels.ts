/** Opening and answering channels by protocol. */
import { peerIdFromString } from '@libp2p/peer-id'
import { PeerComputeError } from '@peercompute/job-specs'
import { asError } from './as-error.ts'
import { pipeChannel } from './pipe-channel.ts'
import { streamChannel } from './stream-channel.ts'
import { streamPipe } from './stream-pipe.ts'
import { subnetOf } from './subnet.ts'
import type { BytePipe } from './byte-pipe.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'
import type { Connection } from '@libp2p/interface'

export interface RemotePeer {
  readonly peer: string
  /** Multiaddr as this side sees it. */
  readonly address: string
  /** `203.0.113.0/24`, `2001:db8:1::/48`, or `relayed` when only the relay's address is known. */
  readonly subnet: string
  /** Over a relayed connection, which carries little and ends soon. */
  readonly limited: boolean
}

export interface OpenOptions {
  /** Largest frame in either direction, in bytes. */
  readonly limit: number
  /** Bounds the opening, not the life of the channel. */
  readonly signal: AbortSignal
  /** Whether a relayed connection, which is slow and short-lived, will do. False for bulk data. */
  readonly overRelay?: boolean
}

/** Uses the best open connection, or dials. Throws PEER_UNREACHABLE; PROTOCOL_UNSUPPORTED when the peer does not speak it. */
export async function openChannel(
  node: PeerNode,
  peer: string,
  protocol: string,
  { limit, signal, overRelay = true }: OpenOptions
): Promise<FrameChannel> {
  try {
    const id = peerIdFromString(peer)
    const connection = bestConnection(node, peer, overRelay) ?? (await node.dial(id, { signal }))
    const stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: overRelay })
    return streamChannel(stream, peer, { limit })
  } catch (cause) {
    const code = cause instanceof Error && cause.name === 'UnsupportedProtocolError' ? 'PROTOCOL_UNSUPPORTED' : 'PEER_UNREACHABLE'
    throw new PeerComputeError(code, `no stream ${protocol} to ${peer}`, { cause })
  }
}

function bestConnection(node: PeerNode, peer: string, overRelay: boolean): Connection | undefined {
  const open = node.getConnections(peerIdFromString(peer)).filter((connection) => connection.status === 'open')
  return open.find((connection) => connection.limits === undefined) ?? (overRelay ? open[0] : undefined)
}

export interface HandleOptions {
  readonly limit: number
  /** Streams of this protocol that one connection may hold open. */
  readonly maxInboundStreams: number
  readonly overRelay?: boolean
}

/**
 * Answers a protocol. The channel is closed when `handler` is done, and aborted when it rejects.
 * Returns the function that stops answering.
 */
export function handleChannel(
  node: PeerNode,
  protocol: string,
  { limit, ...options }: HandleOptions,
  handler: (channel: FrameChannel, remote: RemotePeer) => Promise<void>
): Promise<() => Promise<void>> {
  return handlePipe(node, protocol, options, async (pipe, remote) => {
    const channel = pipeChannel(pipe, { limit })
    await handler(channel, remote)
    await channel.close()
  })
}

/** The same for bytes, which the handler passes on or reads as it likes. It closes the pipe itself; when it rejects, the pipe is aborted. */
export async function handlePipe(
  node: PeerNode,
  protocol: string,
  { maxInboundStreams, overRelay = true }: Omit<HandleOptions, 'limit'>,
  handler: (pipe: BytePipe, remote: RemotePeer) => Promise<void>
): Promise<() => Promise<void>> {
  await node.handle(
    protocol,
    async (stream, connection) => {
      const peer = connection.remotePeer.toString()
      const pipe = streamPipe(stream, peer)
      try {
        await handler(pipe, { peer, ...placeOf(connection) })
      } catch (error) {
        pipe.abort(asError(error))
      }
    },
    { maxInboundStreams, runOnLimitedConnection: overRelay }
  )
  return () => node.unhandle(protocol)
}

function placeOf(connection: Connection): Omit<RemotePeer, 'peer'> {
  const address = connection.remoteAddr.toString()
  return { address, subnet: subnetOf(address), limited: connection.limits !== undefined }
}
