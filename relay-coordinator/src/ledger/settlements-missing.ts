/** What the store has decided and the feed does not say yet, as settlements in the order in which they belong into the feed. */
import type { JobSummary } from '@peercompute/job-specs'
import type { Coordinator, Settlement } from '../coordinator.ts'
import { jobsNewestFirst } from './all-jobs.ts'
import { projectedJob, type Projected } from './projected-jobs.ts'

const PAGE_UNITS = 1_000

export async function* settlementsMissing(coordinator: Coordinator, projected: Projected): AsyncGenerator<Settlement[]> {
  for (const job of [...jobsNewestFirst(coordinator)].reverse()) {
    if (job.held) continue
    const known = projectedJob(projected, job.id)
    if (!known.admitted) {
      const signed = coordinator.signedSpec(job.id)
      if (signed !== undefined) yield [{ kind: 'admitted', job: job.id, signed, custodial: job.custodial }]
    }
    if (known.ended) continue
    if (known.settled.size < job.units.validated) yield* unitsMissing(coordinator, job)
    const { state } = job
    if (state === 'completed' || state === 'failed' || state === 'cancelled')
      yield [{ kind: 'ended', job: job.id, state, settled: job.units.validated }]
  }
  yield creditOf(coordinator)
}

/** All settled units; those that the feed has are dropped by the projection. */
async function* unitsMissing(coordinator: Coordinator, { id }: JobSummary): AsyncGenerator<Settlement[]> {
  let from: number | null = 0
  while (from !== null) {
    const page: Awaited<ReturnType<Coordinator['results']>> = await coordinator.results(id, { from, limit: PAGE_UNITS })
    yield page.rows.map((row) => ({ kind: 'settled' as const, job: id, start: row.unit, digests: [row.digest] }))
    from = page.next
  }
}

function creditOf(coordinator: Coordinator): Settlement[] {
  return [...coordinator.credit()].map(([account, microCredits]) => ({ kind: 'credit', account, microCredits }))
}
