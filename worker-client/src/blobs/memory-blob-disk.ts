import { BLOB_CHUNK_BYTES, PeerComputeError, type Bytes, type ContentHash } from '@peercompute/job-specs'
import { readChunks, type ReadChunk } from './read-range.ts'
import type { BlobDisk } from './blob-disk.ts'

/** For hosts without a disk, and as the model of the others. */
export function createMemoryBlobDisk(): BlobDisk {
  const blobs = new Map<ContentHash, { readonly chunks: Bytes[]; sealed: boolean }>()
  const held = (chunks: readonly Bytes[]) => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return {
    load: async () => [...blobs].map(([sha256, { chunks, sealed }]) => ({ sha256, held: held(chunks), sealed })),
    read: (sha256, offset, length) => {
      const chunk: ReadChunk = async (index) => blobs.get(sha256)?.chunks[index]
      return readChunks(chunk, offset, length)
    },
    async append(sha256, offset, bytes) {
      const blob = blobs.get(sha256) ?? { chunks: [], sealed: false }
      if (blob.sealed || offset !== blob.chunks.length * BLOB_CHUNK_BYTES)
        throw new PeerComputeError('INTERNAL', `Blob ${sha256} cannot take bytes at ${offset}`)
      blob.chunks.push(bytes.slice())
      blobs.set(sha256, blob)
    },
    async seal(sha256) {
      const blob = blobs.get(sha256) ?? { chunks: [], sealed: false }
      blob.sealed = true
      blobs.set(sha256, blob)
    },
    async remove(sha256) {
      blobs.delete(sha256)
    }
  }
}
