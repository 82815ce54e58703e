/** From a draft to a published job: the specification, signed here with the account key of this browser, then the bytes that it waits for. */
import { signSpec, type ContentHash, type JobSpec, type SubmitAnswer } from '@peercompute/job-specs'
import type { FileBytes } from '../models/job-files.ts'
import { openAccount } from './account.ts'
import { putBlob, submitJob } from './api.ts'

/** Publishing the same draft twice answers with the same job and `created: false`, and uploads what is still missing. */
export async function publish(spec: JobSpec, blobs: ReadonlyMap<ContentHash, FileBytes>, signal: AbortSignal): Promise<SubmitAnswer> {
  const answer = await submitJob(await signSpec(await openAccount(), spec), signal)
  for (const hash of answer.missingBlobs) {
    const bytes = blobs.get(hash)
    if (bytes !== undefined) await putBlob(hash, bytes, signal)
  }
  return answer
}
