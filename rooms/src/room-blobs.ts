/** Programs and inputs of the room's jobs, by hash: kept by whoever computes with them, and given to the other members. */
import { matchesBlob, PeerComputeError, BLOB_CHUNK_BYTES, type BlobRef, type Bytes, type ContentHash } from '@peercompute/job-specs'
import {
  BLOB_FRAME_MAX_BYTES,
  blobAnswerSchema,
  ROOM_DATA_PROTOCOL,
  type BlobAnswer,
  type BlobRequest
} from '@peercompute/job-specs/protocol'
import type { RoomWire } from './room-seal.ts'

export const ROOM_BLOBS_MAX_BYTES = 268_435_456
const FETCH_TIMEOUT_MS = 120_000

export interface RoomBlobs {
  has(sha256: ContentHash): boolean
  /** Kept unless there is no room left; checked by whoever made the reference. */
  put(sha256: ContentHash, bytes: Uint8Array): void
  /** From here, from the caller's own source, or from a member. Rejects with COORDINATOR_UNREACHABLE when nobody has it now. */
  fetch(ref: BlobRef): Promise<Bytes>
  answer(request: BlobRequest): { readonly message: BlobAnswer; readonly attachment: Uint8Array }
}

export interface RoomBlobsInit {
  readonly wire: RoomWire
  /** Whom to ask, the most promising first. */
  readonly peers: () => readonly string[]
  /** Where this program gets blobs besides, e.g. the reviewed library; null when it is not there. */
  readonly source?: (ref: BlobRef) => Promise<Bytes | null>
}

export function createRoomBlobs({ wire, peers, source }: RoomBlobsInit): RoomBlobs {
  const held = new Map<ContentHash, Uint8Array>()
  const fetching = new Map<ContentHash, Promise<Bytes>>()
  let bytes = 0

  function put(sha256: ContentHash, blob: Uint8Array): void {
    if (held.has(sha256) || bytes + blob.length > ROOM_BLOBS_MAX_BYTES) return
    held.set(sha256, blob)
    bytes += blob.length
  }

  async function find(ref: BlobRef): Promise<Bytes> {
    const own = await source?.(ref).catch(() => null)
    if (own !== undefined && own !== null && matchesBlob(ref, own)) return own
    for (const peer of peers()) {
      const found = await fetchFrom(wire, peer, ref).catch(() => null)
      if (found !== null && matchesBlob(ref, found)) return found
    }
    throw new PeerComputeError('COORDINATOR_UNREACHABLE', `no member has blob ${ref.sha256} now`)
  }

  return {
    has: (sha256) => held.has(sha256),
    put,
    async fetch(ref) {
      const known = held.get(ref.sha256)
      if (known !== undefined) return known.slice()
      const under = fetching.get(ref.sha256) ?? find(ref)
      fetching.set(ref.sha256, under)
      try {
        const found = await under
        put(ref.sha256, found)
        return found
      } finally {
        fetching.delete(ref.sha256)
      }
    },
    answer({ sha256, offset, length }) {
      const blob = held.get(sha256)
      if (blob === undefined) return { message: { type: 'absent', sha256 }, attachment: new Uint8Array(0) }
      return { message: { type: 'bytes', sha256, offset, total: blob.length }, attachment: blob.subarray(offset, offset + length) }
    }
  }
}

async function fetchFrom(wire: RoomWire, peer: string, ref: BlobRef): Promise<Bytes | null> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  const channel = await wire.open(peer, ROOM_DATA_PROTOCOL, BLOB_FRAME_MAX_BYTES, signal)
  const abort = (): void => {
    channel.abort(new PeerComputeError('TIMEOUT', `${peer} took too long to send a blob`))
  }
  signal.addEventListener('abort', abort)
  try {
    const whole = new Uint8Array(ref.bytes)
    let offset = 0
    const ask = async (): Promise<void> => {
      await channel.send({ type: 'get', sha256: ref.sha256, offset, length: Math.min(BLOB_CHUNK_BYTES, Math.max(1, ref.bytes - offset)) })
    }
    await ask()
    for await (const { message, attachment } of channel.frames) {
      const answer = blobAnswerSchema.parse(message)
      if (answer.type !== 'bytes' || answer.offset !== offset || answer.total !== ref.bytes || offset + attachment.length > ref.bytes)
        return null
      whole.set(attachment, offset)
      offset += attachment.length
      if (offset === ref.bytes) return whole
      if (attachment.length === 0) return null
      await ask()
    }
    return null
  } finally {
    signal.removeEventListener('abort', abort)
    void channel.close()
  }
}
