import type { JobSummary } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'

const PAGE_JOBS = 100

/** Every job of the coordinator, as it was when its page was asked for. */
export function* jobsNewestFirst(coordinator: Pick<Coordinator, 'jobs'>): Generator<JobSummary> {
  let cursor: string | null = null
  do {
    const page: ReturnType<Coordinator['jobs']> = coordinator.jobs({ limit: PAGE_JOBS, ...(cursor === null ? {} : { cursor }) })
    yield* page.items
    cursor = page.next
  } while (cursor !== null)
}
