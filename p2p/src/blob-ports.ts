/** Where blobs come from and go to. Stores live above this package; see `createBlobStore` in the worker client. */
import type { BlobRef, ContentHash } from '@peercompute/job-specs'

export interface BlobSource {
  /** Bytes of a blob that is held whole and was checked, or null. */
  size(sha256: ContentHash): Promise<number | null>
  /** Exactly these bytes. Rejects when they are not there any more. */
  read(sha256: ContentHash, offset: number, length: number): Promise<Uint8Array>
}

/** Takes one blob, from the beginning to the end. One caller at a time. */
export interface BlobSink {
  readonly ref: BlobRef
  /** Bytes kept so far, from the beginning; what an earlier attempt brought counts. */
  readonly length: number
  /** Adds bytes at `length`. The array belongs to the caller again when this resolves. */
  append(bytes: Uint8Array): Promise<void>
  /** Drops what was kept. */
  reset(): Promise<void>
  /** At full length: keeps the blob and resolves true when it hashes to its id; else drops all of it and resolves false. */
  commit(): Promise<boolean>
}
