/** Saved states that hosts have handed over, apart from the blobs of jobs: they are dropped when their units end. */
import { PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import type { BlobFolder } from '../blobs/blob-folder.ts'

export interface CheckpointShelf {
  /** On disk when it resolves. Rejects with BLOB_MISMATCH, STORE_FULL. */
  put(sha256: ContentHash, state: Uint8Array): Promise<void>
  /** Drops all but what is wanted at the moment when it is looked at. */
  keepOnly(isWanted: (sha256: ContentHash) => boolean): Promise<void>
}

export function createCheckpointShelf(folder: BlobFolder): CheckpointShelf {
  return {
    async put(sha256, state) {
      await folder.put(sha256, once(state), state.length)
    },
    async keepOnly(isWanted) {
      for (const sha256 of await folder.list()) if (!isWanted(sha256)) await folder.remove(sha256)
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The blobs as they are served: those of jobs, and the states that a lease may name. */
export function withCheckpoints(blobs: BlobFolder, states: BlobFolder): BlobFolder {
  return {
    ...blobs,
    size: async (sha256) => (await blobs.size(sha256)) ?? states.size(sha256),
    async stream(sha256, part) {
      try {
        return await blobs.stream(sha256, part)
      } catch (error) {
        if (error instanceof PeerComputeError && error.code === 'BLOB_NOT_FOUND') return states.stream(sha256, part)
        throw error
      }
    }
  }
}
