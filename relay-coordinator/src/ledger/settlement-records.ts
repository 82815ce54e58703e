/** Settlements as records of the coordinator's feeds: each fact once, whatever was said before. */
import {
  CREDIT_TOTALS_MAX,
  SETTLE_RANGES_MAX,
  SNAPSHOT_RANGE_UNITS,
  type AccountId,
  type ContentHash,
  type JobId
} from '@peercompute/job-specs'
import type { FeedWriter } from '@peercompute/ledger'
import type { Coordinator, Settlement } from '../coordinator.ts'
import { jobRoot, noteRange, projectedJob, rangeDigest, type Projected } from './projected-jobs.ts'

type Of<T extends Settlement['kind']> = Extract<Settlement, { kind: T }>

export interface RecordWriters {
  readonly coordinator: Pick<Coordinator, 'signedSpec'>
  readonly own: FeedWriter
  readonly custodial: FeedWriter
}

/** Asks for every record of these settlements at once and notes them in `projected`. The promises settle when they are appended, or not. */
export function appendSettlements(
  { coordinator, own, custodial }: RecordWriters,
  projected: Projected,
  settlements: readonly Settlement[]
): Promise<void>[] {
  const appended: Promise<void>[] = []
  const units = new Map<JobId, Map<number, ContentHash>>()
  const credit = new Map<AccountId, number>()
  const ends: Of<'ended'>[] = []

  function admit({ job: id, signed, custodial: keptHere }: Of<'admitted'>): void {
    const job = projectedJob(projected, id)
    if (job.admitted) return
    job.admitted = true
    if (keptHere) appended.push(custodial.append('job.publish', { signed }))
    appended.push(own.append('job.admit', { job: id, signed, custodial: keptHere }))
  }

  function collect({ job: id, start, digests }: Of<'settled'>): void {
    const { settled } = projectedJob(projected, id)
    const fresh = units.get(id) ?? new Map<number, ContentHash>()
    units.set(id, fresh)
    digests.forEach((digest, offset) => {
      if (!settled.has(start + offset)) fresh.set(start + offset, digest)
    })
  }

  function settle(id: JobId, digests: ReadonlyMap<number, ContentHash>): void {
    const job = projectedJob(projected, id)
    const independence = coordinator.signedSpec(id)?.spec.verification.independence ?? 'executor'
    const ranges = consecutive(digests).map(({ start, digests: range }): [number, number, ContentHash] => {
      const digest = rangeDigest(range)
      noteRange(job, start, range.length, digest)
      return [start, range.length, digest]
    })
    for (const part of parts(ranges, SETTLE_RANGES_MAX)) appended.push(own.append('ranges.settle', { job: id, independence, ranges: part }))
  }

  function end({ job: id, state, settled }: Of<'ended'>): void {
    const job = projectedJob(projected, id)
    if (job.ended) return
    job.ended = true
    appended.push(own.append('job.end', { job: id, state, settled, root: jobRoot(job) }))
  }

  for (const settlement of settlements) {
    if (settlement.kind === 'admitted') admit(settlement)
    if (settlement.kind === 'settled') collect(settlement)
    if (settlement.kind === 'credit') credit.set(settlement.account, settlement.microCredits)
    if (settlement.kind === 'ended') ends.push(settlement)
  }
  for (const [job, digests] of units) settle(job, digests)
  for (const settlement of ends) end(settlement)
  const totals = [...credit].filter(([account, microCredits]) => projected.credit.get(account) !== microCredits)
  for (const [account, microCredits] of totals) projected.credit.set(account, microCredits)
  totals.sort(([a], [b]) => (a < b ? -1 : 1))
  for (const part of parts(totals, CREDIT_TOTALS_MAX)) appended.push(own.append('credit.totals', { totals: part }))
  return appended
}

function parts<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) => items.slice(part * size, (part + 1) * size))
}

/** Runs of units that follow each other, none longer than one block of a snapshot, so that a record can be checked without holding a whole job. */
export function consecutive(digests: ReadonlyMap<number, ContentHash>): { start: number; digests: ContentHash[] }[] {
  const runs: { start: number; digests: ContentHash[] }[] = []
  for (const [unit, digest] of [...digests].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && unit === last.start + last.digests.length && last.digests.length < SNAPSHOT_RANGE_UNITS)
      last.digests.push(digest)
    else runs.push({ start: unit, digests: [digest] })
  }
  return runs
}
