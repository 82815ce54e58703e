import { jobBlobs, PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import { jobsNewestFirst } from '../ledger/all-jobs.ts'
import type { AwaitedBlobs } from './awaited-blobs.ts'
import type { BlobFolder } from './blob-folder.ts'

/** After a restart: which blobs the open jobs still lack, so that their authors may go on uploading. */
export async function expectAgain(
  coordinator: Pick<Coordinator, 'jobs' | 'signedSpec'>,
  blobs: Pick<BlobFolder, 'size'>,
  awaited: AwaitedBlobs
): Promise<void> {
  for (const { id, state } of jobsNewestFirst(coordinator)) {
    // What runs has all that it needs.
    if (state !== 'queued' && state !== 'paused') continue
    const signed = coordinator.signedSpec(id)
    if (signed === undefined) throw new PeerComputeError('INTERNAL', `job ${id} is listed and not known`)
    const missing: ContentHash[] = []
    for (const { sha256 } of jobBlobs(signed.spec)) if ((await blobs.size(sha256)) === null) missing.push(sha256)
    awaited.expect(signed.spec, missing)
  }
}
