import type { AuthorId, JobId, ReasonCode } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import { jobsNewestFirst } from '../ledger/all-jobs.ts'

const OPEN: ReadonlySet<string> = new Set(['queued', 'running', 'paused'])

/** Ends every open job of an author, in one transaction. Resolves with those that it has ended. */
export async function cancelOpenJobs(
  coordinator: Pick<Coordinator, 'jobs' | 'cancel'>,
  author: AuthorId,
  why: ReasonCode
): Promise<readonly JobId[]> {
  const open = [...jobsNewestFirst(coordinator)].filter((job) => job.author === author && OPEN.has(job.state)).map(({ id }) => id)
  await Promise.all(open.map((job) => coordinator.cancel(job, why)))
  return open
}
