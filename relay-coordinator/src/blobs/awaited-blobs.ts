/**
 * Blobs that published jobs lack. Whoever signed a job may upload what it names without a token;
 * nobody else can fill the disk. Publishing the same job again after a restart lists its blobs again.
 */
import { jobBlobs, type ContentHash, type JobSpec } from '@peercompute/job-specs'

const AWAITED_MAX = 10_000

export interface AwaitedBlobs {
  /** Remembers the blobs of `spec` that are in `missing`. The oldest give way when there are too many. */
  expect(spec: JobSpec, missing: readonly ContentHash[]): void
  /** Announced size, or null when no job waits for it. */
  bytes(sha256: ContentHash): number | null
  arrived(sha256: ContentHash): void
}

export function createAwaitedBlobs(): AwaitedBlobs {
  const awaited = new Map<ContentHash, number>()
  return {
    expect(spec, missing) {
      const wanted = new Set(missing)
      for (const ref of jobBlobs(spec)) if (wanted.has(ref.sha256)) awaited.set(ref.sha256, ref.bytes)
      for (const sha256 of awaited.keys()) {
        if (awaited.size <= AWAITED_MAX) break
        awaited.delete(sha256)
      }
    },
    bytes: (sha256) => awaited.get(sha256) ?? null,
    arrived(sha256) {
      awaited.delete(sha256)
    }
  }
}
