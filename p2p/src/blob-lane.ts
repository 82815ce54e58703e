/** One stream to one peer, on which one question at a time is asked. */
import { PeerComputeError, type BlobRef } from '@peercompute/job-specs'
import { BLOB_FRAME_MAX_BYTES, BLOB_PROTOCOL, blobAnswerSchema, type BlobRequest, type Frame } from '@peercompute/job-specs/protocol'
import { BLOB_CHUNK_MS, BLOB_QUICK_BYTES, BLOB_QUICK_MS, BLOB_RELAYED_MAX_BYTES } from './blob-settings.ts'
import { openChannel } from './channels.ts'
import type { PeerNode } from './gossip.ts'
import type { Clock } from './time/clock.ts'

/** The peer answered what no honest peer answers. */
export class BlobOffence extends Error {
  override readonly name = 'BlobOffence'
}

export type LaneAnswer =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'absent' }
  | { readonly type: 'busy'; readonly retryAfterMs: number }

export interface BlobLane {
  /** Rejects with BlobOffence, with what ended the stream, or with TIMEOUT; the lane is over then. */
  ask(offset: number, length: number): Promise<LaneAnswer>
  close(): void
  abort(error: Error): void
}

export async function openBlobLane(
  node: PeerNode,
  peer: string,
  ref: BlobRef,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }
): Promise<BlobLane> {
  const channel = await openChannel(node, peer, BLOB_PROTOCOL, {
    limit: BLOB_FRAME_MAX_BYTES,
    signal: AbortSignal.any([signal, AbortSignal.timeout(BLOB_QUICK_MS)]),
    overRelay: ref.bytes <= BLOB_RELAYED_MAX_BYTES
  })
  const frames = channel.frames[Symbol.asyncIterator]()

  async function answered(timeoutMs: number): Promise<Frame> {
    const cancel = clock.schedule(timeoutMs, () => {
      channel.abort(new PeerComputeError('TIMEOUT', `${peer} did not answer within ${timeoutMs} ms`))
    })
    try {
      const next = await frames.next()
      if (next.done === true) throw new PeerComputeError('PEER_UNREACHABLE', `${peer} closed the stream`)
      return next.value
    } finally {
      cancel()
    }
  }

  return {
    async ask(offset, length) {
      const request: BlobRequest = { type: 'get', sha256: ref.sha256, offset, length }
      await channel.send(request)
      const { message, attachment } = await answered(length > BLOB_QUICK_BYTES ? BLOB_CHUNK_MS : BLOB_QUICK_MS)
      const answer = blobAnswerSchema.safeParse(message)
      if (!answer.success || answer.data.sha256 !== ref.sha256) throw new BlobOffence(`${peer} answered another question`)
      const { data } = answer
      if (data.type !== 'bytes') {
        if (attachment.length > 0) throw new BlobOffence(`${peer} sent ${attachment.length} bytes that it says it has not`)
        return data
      }
      // The id may state a wrong size: its author's fault, not the peer's.
      if (data.total !== ref.bytes) return { type: 'absent' }
      if (data.offset !== offset || attachment.length !== length)
        throw new BlobOffence(`${peer} sent ${attachment.length} bytes at ${data.offset}, asked were ${length} at ${offset}`)
      return { type: 'bytes', bytes: attachment }
    },
    close() {
      void channel.close()
    },
    abort(error) {
      channel.abort(error)
    }
  }
}
