/**
 * `/peercompute/blob/1`: bytes by hash, between any two peers. One question at a time on a stream, each answered by one frame:
 * the asker decides how fast bytes come, which is the only back pressure that WebRTC has. Several questions may be under way on
 * as many streams. The bytes are the attachment; the whole is checked against the hash by who fetched it.
 */
import { z } from 'zod'
import { BLOB_CHUNK_BYTES, BLOB_MAX_BYTES } from '../blob.ts'
import { contentHashSchema } from '../ids.ts'

export const BLOB_PROTOCOL = '/peercompute/blob/1'
export const BLOB_FRAME_MAX_BYTES = BLOB_CHUNK_BYTES + 1024

export const blobRequestSchema = z.strictObject({
  type: z.literal('get'),
  sha256: contentHashSchema,
  offset: z.int().min(0).max(BLOB_MAX_BYTES),
  length: z.int().min(1).max(BLOB_CHUNK_BYTES)
})
export type BlobRequest = z.infer<typeof blobRequestSchema>

export const blobAnswerSchema = z.discriminatedUnion('type', [
  /** `total`: size of the whole blob. */
  z.strictObject({
    type: z.literal('bytes'),
    sha256: contentHashSchema,
    offset: z.int().min(0),
    total: z.int().min(0).max(BLOB_MAX_BYTES)
  }),
  /** Not held here. */
  z.strictObject({ type: z.literal('absent'), sha256: contentHashSchema }),
  /** Held, but this peer serves as many as it wants to: ask another, or later. */
  z.strictObject({ type: z.literal('busy'), sha256: contentHashSchema, retryAfterMs: z.int().min(0).max(600_000) })
])
export type BlobAnswer = z.infer<typeof blobAnswerSchema>
