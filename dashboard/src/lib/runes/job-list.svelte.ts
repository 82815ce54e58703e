/** The newest jobs, kept current by the event stream. */
import type { JobSummary } from '@peercompute/job-specs'
import type { JobPage } from '../services/api.ts'
import { live } from './live.svelte.ts'
import { Loadable } from './loadable.svelte.ts'

export class JobList {
  readonly page = new Loadable<JobPage>(async (signal) => {
    const { getJobs } = await import('../services/api.ts')
    return getJobs(null, signal)
  })
  readonly jobs = $derived(this.page.value?.jobs ?? [])
  /** The job to show when nobody computes here: the newest running one, else the newest. */
  readonly featured = $derived(this.jobs.find((job) => job.state === 'running') ?? this.jobs[0] ?? null)
  moreFailed = $state(false)

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    void this.page.load(ended.signal)
    const leave = live.on((change) => {
      if (change.event === 'resync') void this.page.load(ended.signal)
      if (change.event === 'job') this.#merge(change.data)
    })
    return () => {
      leave()
      ended.abort()
    }
  }

  async more(): Promise<void> {
    const page = this.page.value
    if (page === null || page.next === null) return
    const { getJobs } = await import('../services/api.ts')
    try {
      const older = await getJobs(page.next, AbortSignal.timeout(10_000))
      this.page.change(({ jobs }) => ({ jobs: [...jobs, ...older.jobs], next: older.next }))
      this.moreFailed = false
    } catch {
      this.moreFailed = true
    }
  }

  #merge(job: JobSummary): void {
    this.page.change((page) => {
      const known = page.jobs.some((other) => other.id === job.id)
      const jobs = known ? page.jobs.map((other) => (other.id === job.id ? job : other)) : [job, ...page.jobs]
      return { ...page, jobs }
    })
  }
}
