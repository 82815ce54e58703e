/** Answers questions for blobs that this node holds. */
import { PeerComputeError } from '@peercompute/job-specs'
import { BLOB_FRAME_MAX_BYTES, BLOB_PROTOCOL, blobRequestSchema, type BlobAnswer, type BlobRequest } from '@peercompute/job-specs/protocol'
import { ByteBudget, type ByteRate } from './blob-budget.ts'
import {
  BLOB_BUSY_MS,
  BLOB_IDLE_MS,
  BLOB_PEER_RATE,
  BLOB_READS_MAX,
  BLOB_READS_PER_PEER,
  BLOB_RELAYED_MAX_BYTES,
  BLOB_STREAMS_PER_CONNECTION,
  BLOB_TOTAL_RATE
} from './blob-settings.ts'
import { handleChannel, type RemotePeer } from './channels.ts'
import { systemClock, type Clock } from './time/clock.ts'
import type { BlobSource } from './blob-ports.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'

export interface ServeBlobsLimits {
  readonly clock?: Clock
  /** Answers in memory at once, over all peers. */
  readonly readsMax?: number
  readonly perPeer?: ByteRate
  readonly total?: ByteRate
}

/**
 * Serves until the returned function is called. A peer that asks for more than its share hears `busy`; over a relayed connection
 * nothing large is held. Memory: `readsMax` chunks, each twice.
 */
export async function serveBlobs(node: PeerNode, source: BlobSource, limits: ServeBlobsLimits = {}): Promise<() => Promise<void>> {
  const { clock = systemClock, readsMax = BLOB_READS_MAX } = limits
  const perPeer = new ByteBudget(limits.perPeer ?? BLOB_PEER_RATE, clock)
  const total = new ByteBudget(limits.total ?? BLOB_TOTAL_RATE, clock)
  const reading = new Map<string, number>()
  const channels = new Set<FrameChannel>()

  /** Counts the answer from the reading of its bytes until the transport has taken them. */
  async function counted(peer: string, task: () => Promise<void>): Promise<void> {
    reading.set(peer, (reading.get(peer) ?? 0) + 1)
    try {
      await task()
    } finally {
      const left = (reading.get(peer) ?? 1) - 1
      if (left > 0) reading.set(peer, left)
      else reading.delete(peer)
    }
  }

  function crowded(peer: string): boolean {
    const all = [...reading.values()].reduce((sum, count) => sum + count, 0)
    return all >= readsMax || (reading.get(peer) ?? 0) >= BLOB_READS_PER_PEER
  }

  async function answer(channel: FrameChannel, { peer, limited }: RemotePeer, { sha256, offset, length }: BlobRequest): Promise<void> {
    const say = (message: BlobAnswer, bytes?: Uint8Array): Promise<void> => channel.send(message, bytes)
    const size = await source.size(sha256)
    if (size === null || (limited && size > BLOB_RELAYED_MAX_BYTES)) return say({ type: 'absent', sha256 })
    const wanted = Math.max(0, Math.min(length, size - offset))
    if (crowded(peer)) return say({ type: 'busy', sha256, retryAfterMs: BLOB_BUSY_MS })
    const waitMs = perPeer.take(peer, wanted) || total.take('', wanted)
    if (waitMs > 0) return say({ type: 'busy', sha256, retryAfterMs: Math.min(600_000, waitMs) })
    return counted(peer, async () => {
      const bytes = wanted === 0 ? new Uint8Array(0) : await source.read(sha256, offset, wanted).catch(() => null)
      if (bytes === null) await say({ type: 'absent', sha256 })
      else await say({ type: 'bytes', sha256, offset, total: size }, bytes)
    })
  }

  async function converse(channel: FrameChannel, remote: RemotePeer): Promise<void> {
    let cancel = (): void => undefined
    const expectMore = (): void => {
      cancel()
      cancel = clock.schedule(BLOB_IDLE_MS, () => {
        channel.abort(new PeerComputeError('TIMEOUT', `${remote.peer} has asked nothing for ${BLOB_IDLE_MS} ms`))
      })
    }
    channels.add(channel)
    expectMore()
    try {
      for await (const { message, attachment } of channel.frames) {
        const request = blobRequestSchema.safeParse(message)
        if (!request.success || attachment.length > 0) throw new PeerComputeError('FRAME_INVALID', 'that is no question for a blob')
        cancel()
        await answer(channel, remote, request.data)
        expectMore()
      }
    } finally {
      cancel()
      channels.delete(channel)
    }
  }

  const stopAnswering = await handleChannel(
    node,
    BLOB_PROTOCOL,
    { limit: BLOB_FRAME_MAX_BYTES, maxInboundStreams: BLOB_STREAMS_PER_CONNECTION, overRelay: true },
    converse
  )
  return async () => {
    await stopAnswering()
    for (const channel of channels) channel.abort(new PeerComputeError('PEER_UNREACHABLE', 'blobs are no longer served here'))
  }
}
