/** The books of a job, read row by row from the store. */
import type { JobId } from '@peercompute/job-specs'
import type { Coordinator } from '@peercompute/relay-coordinator'
import type { JobAccount } from './load-job.ts'

const PAGE = 1_000

export async function accountOf(coordinator: Pick<Coordinator, 'job' | 'results'>, job: JobId): Promise<JobAccount> {
  const { state, units, unitCount } = coordinator.job(job)
  const seen = new Set<number>()
  let rows = 0
  let votes = 0
  let from: number | null = 0
  while (from !== null) {
    const page: Awaited<ReturnType<Coordinator['results']>> = await coordinator.results(job, { from, limit: PAGE })
    for (const row of page.rows) {
      rows++
      seen.add(row.unit)
      votes += row.votes.filter(({ verdict }) => verdict !== 'rejected').length
    }
    from = page.next
  }
  return { state, unitCount, validated: units.validated, rows, distinct: seen.size, votes }
}
