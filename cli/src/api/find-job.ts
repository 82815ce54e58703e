/** A job as people name it: its id, the beginning of its id, or its name. */
import { PeerComputeError, type JobSummary } from '@peercompute/job-specs'
import type { ApiClient } from './client.ts'

const FULL_ID = /^[0-9a-f]{64}$/
const PAGE = 100
/** Older jobs have to be named in full. */
const PAGES_MAX = 10

async function* newestJobs(api: ApiClient): AsyncGenerator<JobSummary> {
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const { jobs, next } = await api.jobs({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
    yield* jobs
    if (next === null) return
    cursor = next
  }
}

/** The full id. A name means the newest job of that name. Rejects with JOB_NOT_FOUND. */
export async function findJob(api: ApiClient, reference: string): Promise<string> {
  if (FULL_ID.test(reference)) return reference
  const matches: JobSummary[] = []
  for await (const job of newestJobs(api)) {
    if (job.name === reference) return job.id
    if (/^[0-9a-f]{4,}$/.test(reference) && job.id.startsWith(reference)) matches.push(job)
  }
  const [match, ...others] = matches
  if (match === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `No job has the id or the name "${reference}"`)
  if (others.length > 0)
    throw new PeerComputeError('JOB_NOT_FOUND', `${matches.length} jobs begin with "${reference}": give more of the id`)
  return match.id
}
