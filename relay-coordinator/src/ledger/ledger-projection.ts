/**
 * The coordinator's own feed: what it has admitted, settled, ended and credited, as signed records that anybody can check.
 * The store is the truth and the feed follows it: settlements are collected for FLUSH_MS and appended together; what a crash
 * or a full disk kept from being appended is found again by comparing the feed with the store.
 */
import { certifyHost, type AccountId, type AuthorId, type ContentHash, type JobId, type KeyPair } from '@peercompute/job-specs'
import type { Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator, Settlement } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { feedsOf, hasFeed, jobRoot, noteRange, projectedJob, rangeDigest, readProjected, type Projected } from './projected-jobs.ts'
import { settlementsMissing } from './settlements-missing.ts'

export const FLUSH_MS = 1_000

export interface ProjectionComponents {
  readonly coordinator: Coordinator
  readonly ledger: Ledger
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational' | 'custodial'>
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'ledgerFlushed'>
  readonly onFault: (error: unknown) => void
}

export interface LedgerProjection {
  /** Opens the feeds and appends what the feed lacks. Rejects when the feed cannot be written. */
  start(): Promise<void>
  /** Appends what has been collected. Never rejects: a failure is made up for by the next flush. */
  flush(): Promise<void>
  /** Flushes and stops following. Idempotent. */
  close(): Promise<void>
}

/** Ranges wider than this are split, so that a record can be checked without holding a whole job. */
const RANGE_UNITS_MAX = 65_536

export function createLedgerProjection(components: ProjectionComponents): LedgerProjection {
  const { coordinator, ledger, keys, clock, metrics, onFault } = components
  const own = ledger.writer(keys.operational)
  const custodial = ledger.writer(keys.custodial)
  let projected: Projected = { jobs: new Map(), credit: new Map() }
  let waiting: Settlement[] = []
  let behind = true
  let cancelTimer: () => void = () => undefined
  let flushing: Promise<void> = Promise.resolve()
  let closed = false

  const unsubscribe = coordinator.onSettlement((settlement) => {
    waiting.push(settlement)
  })

  async function openFeed(author: KeyPair, open: () => Promise<void>): Promise<void> {
    if (!feedsOf(ledger, author.publicKey as AuthorId).some((feed) => hasFeed(ledger, feed))) await open()
  }

  async function append(settlements: readonly Settlement[]): Promise<void> {
    const appended: Promise<void>[] = []
    const units = new Map<JobId, Map<number, ContentHash>>()
    const credit = new Map<AccountId, number>()
    const ends: Extract<Settlement, { kind: 'ended' }>[] = []
    for (const settlement of settlements) {
      if (settlement.kind === 'admitted') appended.push(...admit(settlement))
      if (settlement.kind === 'settled') collect(units, settlement)
      if (settlement.kind === 'credit') credit.set(settlement.account, settlement.microCredits)
      if (settlement.kind === 'ended') ends.push(settlement)
    }
    for (const [job, digests] of units) appended.push(...settle(job, digests))
    for (const settlement of ends) appended.push(...end(settlement))
    for (const [account, microCredits] of credit) {
      if (projected.credit.get(account) === microCredits) continue
      projected.credit.set(account, microCredits)
      appended.push(own.append('credit.total', { account, microCredits }))
    }
    const outcomes = await Promise.allSettled(appended)
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
    metrics.ledgerFlushed(outcomes.length - failures.length, 'appended')
    if (failures.length === 0) return
    metrics.ledgerFlushed(failures.length, 'failed')
    throw failures[0]?.reason
  }

  function admit({ job: id, signed, custodial: keptHere }: Extract<Settlement, { kind: 'admitted' }>): Promise<void>[] {
    const job = projectedJob(projected, id)
    if (job.admitted) return []
    job.admitted = true
    return [
      ...(keptHere ? [custodial.append('job.publish', { signed })] : []),
      own.append('job.admit', { job: id, signed, custodial: keptHere })
    ]
  }

  function collect(
    units: Map<JobId, Map<number, ContentHash>>,
    { job: id, start, digests }: Extract<Settlement, { kind: 'settled' }>
  ): void {
    const { settled } = projectedJob(projected, id)
    const fresh = units.get(id) ?? new Map<number, ContentHash>()
    units.set(id, fresh)
    digests.forEach((digest, offset) => {
      if (!settled.has(start + offset)) fresh.set(start + offset, digest)
    })
  }

  function settle(id: JobId, digests: ReadonlyMap<number, ContentHash>): Promise<void>[] {
    const job = projectedJob(projected, id)
    const independence = coordinator.signedSpec(id)?.spec.verification.independence ?? 'executor'
    return consecutive(digests).map(({ start, digests: range }) => {
      const digest = rangeDigest(range)
      noteRange(job, start, range.length, digest)
      return own.append('units.settle', { job: id, start, count: range.length, digest, independence })
    })
  }

  function end({ job: id, state, settled }: Extract<Settlement, { kind: 'ended' }>): Promise<void>[] {
    const job = projectedJob(projected, id)
    if (job.ended) return []
    job.ended = true
    return [own.append('job.end', { job: id, state, settled, root: jobRoot(job) })]
  }

  /** From the feed and the store, whatever was lost between them. */
  async function catchUp(): Promise<void> {
    projected = readProjected(ledger, keys.certificate.root)
    for await (const batch of settlementsMissing(coordinator, projected)) await append(batch)
    behind = false
  }

  async function flushOnce(): Promise<void> {
    const settlements = waiting
    waiting = []
    try {
      if (behind) await catchUp()
      await append(settlements)
    } catch (error) {
      behind = true
      onFault(error)
    }
  }

  function flush(): Promise<void> {
    flushing = flushing.then(flushOnce)
    return flushing
  }

  function schedule(): void {
    cancelTimer = clock.schedule(FLUSH_MS, () => {
      const due = waiting.length > 0 || behind ? flush() : Promise.resolve()
      void due.then(() => {
        if (!closed) schedule()
      })
    })
  }

  return {
    async start() {
      await ledger.ready
      const { operational, certificate } = keys
      await openFeed(operational, () => own.append('coordinator.open', { certificate }))
      await openFeed(keys.custodial, async () => {
        const certificateOfCustody = await certifyHost(keys.custodial, keys.custodial.publicKey, 'custodial', clock.now())
        await custodial.append('feed.open', { certificate: certificateOfCustody })
      })
      await catchUp()
      schedule()
    },
    flush,
    async close() {
      if (closed) return
      closed = true
      cancelTimer()
      await flush()
      unsubscribe()
    }
  }
}

/** Runs of units that follow each other, at most RANGE_UNITS_MAX long. */
function consecutive(digests: ReadonlyMap<number, ContentHash>): { start: number; digests: ContentHash[] }[] {
  const runs: { start: number; digests: ContentHash[] }[] = []
  for (const [unit, digest] of [...digests].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && unit === last.start + last.digests.length && last.digests.length < RANGE_UNITS_MAX) last.digests.push(digest)
    else runs.push({ start: unit, digests: [digest] })
  }
  return runs
}
