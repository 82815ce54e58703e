/** Content-addressed bytes: kernels, inputs, large outputs. Fetched from any peer that has them, checked by hash. */
import { z } from 'zod'
import { contentHashSchema, type ContentHash } from './ids.ts'
import { sha256Hex } from './canonical.ts'

export const BLOB_CHUNK_BYTES = 262_144
export const BLOB_MAX_BYTES = 268_435_456

/** Identity of a blob: SHA-256 of its bytes, its size, and the chunk size in which peers exchange it. */
export const blobRefSchema = z.strictObject({
  sha256: contentHashSchema,
  bytes: z.int().min(0).max(BLOB_MAX_BYTES),
  chunkBytes: z.literal(BLOB_CHUNK_BYTES)
})
export type BlobRef = z.infer<typeof blobRefSchema>

export function blobRef(bytes: Uint8Array): BlobRef {
  return { sha256: sha256Hex(bytes) as ContentHash, bytes: bytes.length, chunkBytes: BLOB_CHUNK_BYTES }
}

export function matchesBlob(ref: BlobRef, bytes: Uint8Array): boolean {
  return bytes.length === ref.bytes && sha256Hex(bytes) === ref.sha256
}
