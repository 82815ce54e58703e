/** What the store has decided and the feed does not say yet, as settlements in the order in which they belong into the feed. */
import type { JobId } from '@peercompute/job-specs'
import type { Coordinator, Settlement } from '../coordinator.ts'
import type { RangeSet } from '../core/index.ts'
import { jobsNewestFirst } from './all-jobs.ts'
import { projectedJob, type Projected } from './projected-jobs.ts'

/** Digests that are read at a time: some milliseconds. */
const PAGE_UNITS = 4_096

/** `only`: of these jobs; of all by default. */
export async function* settlementsMissing(
  coordinator: Coordinator,
  projected: Projected,
  only?: ReadonlySet<JobId>
): AsyncGenerator<Settlement[]> {
  for (const job of [...jobsNewestFirst(coordinator)].reverse()) {
    if (job.held || only?.has(job.id) === false) continue
    const known = projectedJob(projected, job.id)
    if (!known.admitted) {
      const signed = coordinator.signedSpec(job.id)
      if (signed !== undefined) yield [{ kind: 'admitted', job: job.id, signed, custodial: job.custodial }]
    }
    if (known.ended) continue
    if (known.settled.size < job.units.validated)
      // A copy: what is yielded becomes known.
      for (const range of [...unknown(coordinator.settledRanges(job.id), known.settled)]) yield* unitsMissing(coordinator, job.id, range)
    const { state } = job
    if (state === 'completed' || state === 'failed' || state === 'cancelled')
      yield [{ kind: 'ended', job: job.id, state, settled: job.units.validated }]
  }
  yield creditOf(coordinator)
}

type Range = readonly [start: number, count: number]

/** The parts of sorted `ranges` that `known` does not cover. */
export function* unknown(ranges: readonly Range[], known: RangeSet): Generator<Range> {
  const told = known.ranges()
  let next = told.next()
  for (const [first, count] of ranges) {
    const end = first + count
    let start = first
    while (next.done !== true && start < end) {
      const [toldStart, toldCount] = next.value
      const toldEnd = toldStart + toldCount
      if (toldStart >= end) break
      if (toldStart > start) yield [start, toldStart - start]
      start = Math.max(start, toldEnd)
      if (toldEnd > end) break
      next = told.next()
    }
    if (start < end) yield [start, end - start]
  }
}

function* pages([start, count]: Range): Generator<Range> {
  for (let at = 0; at < count; at += PAGE_UNITS) yield [start + at, Math.min(PAGE_UNITS, count - at)]
}

async function* unitsMissing(coordinator: Coordinator, job: JobId, range: Range): AsyncGenerator<Settlement[]> {
  for (const page of pages(range)) {
    yield [...digestsOf(coordinator, job, page)]
    await new Promise((resolve) => {
      setTimeout(resolve)
    })
  }
}

/** Without the units whose digest is not held, after a lost database, and those that are about to be written, which are told then. */
function* digestsOf(coordinator: Coordinator, job: JobId, [start, count]: Range): Generator<Settlement> {
  const digests = coordinator.settledDigests(job, { start, count })
  if (digests !== null) {
    yield { kind: 'settled', job, start, digests }
  } else if (count > 1) {
    const half = Math.floor(count / 2)
    yield* digestsOf(coordinator, job, [start, half])
    yield* digestsOf(coordinator, job, [start + half, count - half])
  }
}

function creditOf(coordinator: Coordinator): Settlement[] {
  return [...coordinator.credit()].map(([account, microCredits]) => ({ kind: 'credit', account, microCredits, jobs: [] }))
}
