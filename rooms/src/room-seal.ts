/** The room's key in use: gossip and streams that only members read. */
import type { Bytes } from '@peercompute/job-specs'
import {
  handleChannel,
  openBytes,
  openChannel,
  sealBytes,
  sealChannel,
  SEALED_FRAME_BYTES,
  type FrameChannel,
  type PeerNode,
  type RemotePeer
} from '@peercompute/p2p'
import { dialCircuit } from '@peercompute/p2p'
import type { RoomKeys } from './room-keys.ts'

/** Streams of one protocol that one member may hold here. */
const STREAMS_PER_CONNECTION = 8

export interface RoomSeal {
  /** `use` keeps what was said in one place from being heard in another. */
  seal(use: string, plain: Uint8Array): Promise<Bytes>
  /** Null for what no member has sealed. */
  open(use: string, sealed: Uint8Array): Promise<Bytes | null>
  wrap(protocol: string, channel: FrameChannel, opener: 'us' | 'them'): FrameChannel
}

export function createRoomSeal({ tag, seal: key }: RoomKeys, self: string): RoomSeal {
  const context = (use: string): string => `peercompute/room/1 ${tag} ${use}`
  return {
    seal: (use, plain) => sealBytes(key, context(use), plain),
    open: (use, sealed) => openBytes(key, context(use), sealed),
    wrap: (protocol, channel, opener) => sealChannel(channel, { key, context: context(protocol), self, opener })
  }
}

/** Between the members' nodes: sealed streams, through the relays where there is no better way. */
export interface RoomWire {
  open(peer: string, protocol: string, limit: number, signal: AbortSignal): Promise<FrameChannel>
  answer(
    protocol: string,
    limit: number,
    handler: (channel: FrameChannel, remote: RemotePeer) => Promise<void>
  ): Promise<() => Promise<void>>
  /** Connects, when there is no connection. Throws PEER_UNREACHABLE. */
  reach(peer: string, signal: AbortSignal): Promise<void>
}

export function createRoomWire(node: PeerNode, via: readonly string[], seal: RoomSeal): RoomWire {
  const reach = (peer: string, signal: AbortSignal): Promise<void> => dialCircuit(node, peer, via, signal)
  return {
    reach,
    async open(peer, protocol, limit, signal) {
      await reach(peer, signal)
      return seal.wrap(protocol, await openChannel(node, peer, protocol, { limit: limit + SEALED_FRAME_BYTES, signal }), 'us')
    },
    answer: (protocol, limit, handler) =>
      handleChannel(
        node,
        protocol,
        { limit: limit + SEALED_FRAME_BYTES, maxInboundStreams: STREAMS_PER_CONNECTION },
        async (channel, remote) => {
          const sealed = seal.wrap(protocol, channel, 'them')
          await handler(sealed, remote)
          await sealed.close()
        }
      )
  }
}
