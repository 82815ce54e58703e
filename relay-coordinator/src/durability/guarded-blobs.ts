/** Blobs are not taken in while there is little room: they would use up what is kept for results. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { BlobFolder } from '../blobs/blob-folder.ts'
import type { DiskGuard } from './disk-guard.ts'

export function guardedBlobs(blobs: BlobFolder, disk: Pick<DiskGuard, 'alarm'>): BlobFolder {
  return {
    ...blobs,
    put: async (sha256, source, maxBytes) => {
      if (disk.alarm !== null && (await blobs.size(sha256)) === null) throw new PeerComputeError('STORE_FULL', disk.alarm)
      return blobs.put(sha256, source, maxBytes)
    }
  }
}
