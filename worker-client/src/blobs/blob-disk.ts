/** Where blobs lie: a folder, IndexedDB, or memory. It knows nothing of hashes and budgets; blob-store.ts does. */
import type { Bytes, ContentHash } from '@peercompute/job-specs'

export interface KeptBlob {
  readonly sha256: ContentHash
  /** Bytes that lie there. */
  readonly held: number
  /** It is whole and was checked. */
  readonly sealed: boolean
}

export interface BlobDisk {
  /** Everything that lies there, what came first before what came later. */
  load(): Promise<readonly KeptBlob[]>
  /** Exactly these bytes; rejects when they are not there. */
  read(sha256: ContentHash, offset: number, length: number): Promise<Bytes>
  /**
   * Adds bytes to a blob that is not sealed. `offset` is what it holds, a multiple of BLOB_CHUNK_BYTES; at most that many bytes.
   * Rejects with STORE_FULL when there is no room.
   */
  append(sha256: ContentHash, offset: number, bytes: Uint8Array): Promise<void>
  seal(sha256: ContentHash): Promise<void>
  remove(sha256: ContentHash): Promise<void>
}
