/** A blob in memory, to serve and to fetch into, for tests. */
import { blobRef, concat, matchesBlob, type BlobRef, type ContentHash } from '@peercompute/job-specs'
import type { BlobSink, BlobSource } from '../blob-ports.ts'

/** Bytes that differ from chunk to chunk. */
export function testBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 13)) & 0xff
  return bytes
}

export interface MemorySource extends BlobSource {
  /** Questions that were read for. */
  readonly reads: { readonly offset: number; readonly length: number }[]
}

export function memorySource(...blobs: Uint8Array[]): MemorySource {
  const held = new Map<ContentHash, Uint8Array>(blobs.map((bytes) => [blobRef(bytes.slice()).sha256, bytes]))
  const reads: { offset: number; length: number }[] = []
  return {
    reads,
    size: async (sha256) => held.get(sha256)?.length ?? null,
    async read(sha256, offset, length) {
      reads.push({ offset, length })
      return held.get(sha256)?.subarray(offset, offset + length) ?? Promise.reject(new Error('not here'))
    }
  }
}

export interface MemorySink extends BlobSink {
  bytes(): Uint8Array
  readonly resets: number
}

export function memorySink(ref: BlobRef): MemorySink {
  let chunks: Uint8Array[] = []
  let length = 0
  let resets = 0
  const reset = async (): Promise<void> => {
    chunks = []
    length = 0
    resets += 1
  }
  return {
    ref,
    bytes: () => concat(chunks),
    get length() {
      return length
    },
    get resets() {
      return resets
    },
    async append(bytes) {
      chunks.push(bytes.slice())
      length += bytes.length
    },
    reset,
    async commit() {
      if (matchesBlob(ref, concat(chunks))) return true
      await reset()
      return false
    }
  }
}
