/** Programs and inputs of the reviewed kernels lie ready, so that a browser can publish a job of the library by hashes alone. */
import type { ContentHash } from '@peercompute/job-specs'
import { kernelNames } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import type { BlobFolder } from './blob-folder.ts'

/** Answers with all of them. */
export async function storeLibraryBlobs(blobs: BlobFolder): Promise<ReadonlySet<ContentHash>> {
  const stored = new Set<ContentHash>()
  for (const name of kernelNames) {
    for (const [sha256, bytes] of (await loadKernel(name)).blobs) {
      if ((await blobs.size(sha256)) === null) await blobs.put(sha256, asStream(bytes))
      stored.add(sha256)
    }
  }
  return stored
}

async function* asStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
