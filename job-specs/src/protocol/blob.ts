/**
 * `/peercompute/blob/1`: reserved. One request frame `{sha256, offset, length}`, one answer frame with the bytes attached,
 * at most BLOB_CHUNK_BYTES each. Until peers exchange blobs, bytes come from `GET /api/v1/blobs/{sha256}`.
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
