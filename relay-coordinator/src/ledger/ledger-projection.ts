/**
 * The coordinator's own feed: what it has admitted, settled, ended and credited, as signed records that anybody can check.
 * The store is the truth and the feed follows it: settlements are collected for FLUSH_MS and appended together, or for END_FLUSH_MS
 * when a job has ended, since people wait for that; what a crash or a full disk kept from being appended is found again by
 * comparing the feed with the store. From time to time a checkpoint sums the feed up, so that a newcomer need not read all of it.
 */
import { setImmediate as otherWork } from 'node:timers/promises'
import {
  certifyHost,
  PeerComputeError,
  REOPEN_RANGES_MAX,
  type AuthorId,
  type JobId,
  type KeyPair,
  type RevocationView
} from '@peercompute/job-specs'
import { createFold, followLedger, writeCheckpoint, type Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator, Settlement } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { isDue } from './checkpoint-due.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { OwedRecords } from './owed-records.ts'
import { feedsOf, hasFeed, noteReopened, projectedJob, readProjected, type Projected } from './projected-jobs.ts'
import { appendSettlements } from './settlement-records.ts'
import { settlementsMissing } from './settlements-missing.ts'
import { tellReceipts, type ReceiptSource } from './tell-receipts.ts'

export const FLUSH_MS = 1_000
/** Many small jobs that end one after the other share a flush. */
export const END_FLUSH_MS = 20
/**
 * Ranges and totals about jobs that go on, some 90 bytes each: every replica reads them, and every relay sends them to each of its peers.
 * Whoever settled much at once, with thousands of accounts, waits longer until the next round, but no longer than ROUND_MS_MAX.
 */
export const FACTS_PER_SECOND = 40
export const ROUND_MS_MAX = 300_000
/** After a failure, comparing all of the store with the feed is tried again after FLUSH_MS, then after twice that, up to this. */
export const CATCH_UP_MS_MAX = 60_000

/** Of one turn of the event loop: three records when they are of one job. */
const SETTLEMENTS_AT_A_TIME = 64
/** A job is admitted before its units are told, and ended after them. */
const ORDER: Readonly<Record<Settlement['kind'], number>> = { admitted: 0, reopened: 1, settled: 2, ended: 3, credit: 4, overtaken: 5 }

export interface ProjectionComponents {
  readonly coordinator: Coordinator
  /** Follows the coordinator's root. */
  readonly ledger: Ledger
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational' | 'custodial'>
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'ledgerFlushed'>
  readonly onFault: (error: unknown) => void
  /** Makes the receipts of ended jobs, which are then named in the feed. None by default. */
  readonly receipts?: ReceiptSource
  /** All that were ever made. None by default. */
  readonly revocations?: () => readonly RevocationView[]
  /** Resolves when every job that the ledger has brought so far was decided on. */
  readonly intakeSettled?: () => Promise<void>
}

export interface LedgerProjection {
  /** Opens the feeds and appends what the ledger lacks; then a checkpoint, when one is due or asked for. Rejects when the feed cannot be written. */
  start(options?: { readonly checkpoint?: boolean }): Promise<void>
  /** Appends all that has been collected, credit too. Never rejects: a failure is made up for by a later flush. */
  flush(): Promise<void>
  /** Appends the record of a revocation now, ahead of everything that waits. Rejects when it cannot; then the next flush tries again. */
  announce(revocation: RevocationView): Promise<void>
  /** Sums up everything said so far. Rejects with the ledger's error. */
  checkpoint(): Promise<void>
  /** Flushes and stops following; writes nothing when it was never started. Idempotent. */
  close(): Promise<void>
}

export function createLedgerProjection(components: ProjectionComponents): LedgerProjection {
  const { coordinator, ledger, keys, clock, metrics, onFault, receipts, intakeSettled, revocations = () => [] } = components
  const { root } = keys.certificate
  const writers = { coordinator, own: ledger.writer(keys.operational), custodial: ledger.writer(keys.custodial) }
  const fold = createFold(root)
  const stopFolding = followLedger(ledger, fold)
  let projected: Projected = { jobs: new Map(), credit: new Map() }
  let waiting: Settlement[] = []
  const owed = new OwedRecords()
  let roundAt = 0
  let behind = true
  let reopened = false
  let catchingUp = false
  let failures = 0
  let catchUpAt = 0
  let hurried = false
  let ticking = false
  let cancelTimer: () => void = () => undefined
  let working: Promise<void> = Promise.resolve()
  let checkpointAt = clock.now()
  let started = false
  let closed = false

  const teller =
    receipts &&
    tellReceipts({
      receipts,
      clock,
      onFault,
      append: ({ job, ...receipt }) =>
        inTurn(async () => {
          if (!closed && projected.jobs.get(job)?.ended === true) await writers.own.append('job.receipt', { job, ...receipt })
        })
    })

  /** Of units whose values are not held there are no receipts. */
  function receiptDue(job: JobId): void {
    if (coordinator.signedSpec(job) === undefined) return
    const { units, notHeld = 0 } = coordinator.job(job)
    if (units.validated > notHeld) teller?.due(job)
  }

  const unsubscribe = coordinator.onSettlement((settlement) => {
    // The store has it, and catching up finds it there.
    if (behind && !catchingUp) return
    if (settlement.kind === 'credit' || settlement.kind === 'settled') owed.note(settlement)
    else if (settlement.kind === 'reopened') reopen(settlement)
    else if (settlement.kind !== 'overtaken') waiting.push(settlement)
    if (settlement.kind !== 'ended' || hurried) return
    hurried = true
    if (started && !ticking && !closed) schedule()
  })

  /** What was to be told of these units, and of the end of their job, is no longer true. */
  function reopen({ job, ranges }: Extract<Settlement, { kind: 'reopened' }>): void {
    reopened = true
    owed.forget(job, ranges)
    waiting = waiting.filter((settlement) => settlement.kind !== 'ended' || settlement.job !== job)
  }

  async function openFeed(author: KeyPair, open: () => Promise<void>): Promise<void> {
    if (!feedsOf(ledger, author.publicKey as AuthorId).some((feed) => hasFeed(ledger, feed))) await open()
  }

  /** A few at a time: signing and encoding hundreds of records at a stretch would keep every host waiting. */
  async function append(settlements: readonly Settlement[]): Promise<void> {
    const ordered = [...settlements].sort((a, b) => ORDER[a.kind] - ORDER[b.kind])
    for (let from = 0; from < ordered.length; from += SETTLEMENTS_AT_A_TIME) {
      if (from > 0) await otherWork()
      await appendSome(ordered.slice(from, from + SETTLEMENTS_AT_A_TIME))
    }
  }

  async function appendSome(settlements: readonly Settlement[]): Promise<void> {
    const outcomes = await Promise.allSettled(appendSettlements(writers, projected, settlements))
    const rejected = outcomes.filter((outcome) => outcome.status === 'rejected')
    metrics.ledgerFlushed(outcomes.length - rejected.length, 'appended')
    for (const settlement of settlements) if (settlement.kind === 'ended') receiptDue(settlement.job)
    if (rejected.length === 0) return
    metrics.ledgerFlushed(rejected.length, 'failed')
    throw rejected[0]?.reason
  }

  /** Unless the ledger has it. */
  async function revoke({ kind, subject, reason }: RevocationView): Promise<void> {
    const state = fold.state()
    if (kind === 'job' && !state.revokedJobs.has(subject as JobId))
      await writers.own.append('job.revoke', { job: subject as JobId, reason })
    if (kind === 'key' && !state.revoked.has(subject as AuthorId))
      await writers.own.append('key.revoke', { key: subject as AuthorId, reason })
  }

  /** From the ledger and the store, whatever was lost between them. */
  async function catchUp(): Promise<void> {
    catchingUp = true
    try {
      projected = readProjected(fold.state(), coordinator.retired())
      for (const revocation of revocations()) await revoke(revocation)
      await tellReopened()
      for await (const batch of settlementsMissing(coordinator, projected)) await append(batch)
      behind = false
      failures = 0
    } finally {
      catchingUp = false
    }
  }

  /** What the store has taken back. Returns the jobs of which the feed now says less than before. */
  async function tellReopened(): Promise<ReadonlySet<JobId>> {
    reopened = false
    const jobs = new Set<JobId>()
    const due = coordinator.reopenings()
    for (const { job, ranges } of due) {
      if (!noteReopened(projectedJob(projected, job), ranges)) continue
      jobs.add(job)
      for (let from = 0; from < ranges.length; from += REOPEN_RANGES_MAX)
        await writers.own.append('units.reopen', { job, ranges: ranges.slice(from, from + REOPEN_RANGES_MAX).map(([a, b]) => [a, b]) })
    }
    const last = due.at(-1)
    if (last !== undefined) coordinator.reopeningsTold(last.no)
    return jobs
  }

  /** What of the reopened ranges is still believed is told again, from the store. */
  async function tellRest(jobs: ReadonlySet<JobId>): Promise<void> {
    if (jobs.size > 0) for await (const batch of settlementsMissing(coordinator, projected, jobs)) await append(batch)
  }

  /** All that is owed, or what is due. Jobs that have ended are told of in full. */
  async function flushNow(what: 'all' | 'due'): Promise<void> {
    const settlements = waiting
    waiting = []
    const ended = new Set(settlements.flatMap((settlement) => (settlement.kind === 'ended' ? [settlement.job] : [])))
    if (what === 'due' && clock.now() < roundAt) settlements.push(...owed.takeOf(ended))
    else {
      const round = owed.takeAll()
      settlements.push(...round)
      roundAt = clock.now() + Math.min(ROUND_MS_MAX, (round.length * 1_000) / FACTS_PER_SECOND)
    }
    try {
      if (behind) await catchUp()
      else if (reopened) await tellRest(await tellReopened())
      await append(settlements)
    } catch (error) {
      fallBehind()
      onFault(error)
    }
  }

  /** No jitter: nobody else waits for this disk. */
  function fallBehind(): void {
    behind = true
    waiting = []
    owed.clear()
    catchUpAt = clock.now() + Math.min(CATCH_UP_MS_MAX, FLUSH_MS * 2 ** Math.min(failures++, 30))
  }

  async function checkpointNow(): Promise<void> {
    checkpointAt = clock.now()
    const state = fold.state()
    const made = await makeSnapshot({ coordinator, root, state, covers: ledger.covers() })
    if (made === null) return
    // Before the ledger forgets them: a job that is retired here only would be told anew.
    await coordinator.retire(made.retired)
    await writeCheckpoint(ledger, writers.own, made.snapshot, state)
    await writers.custodial.nextEpoch()
    projected = readProjected(fold.state(), coordinator.retired())
  }

  /** One after the other: no own record comes between a snapshot and its checkpoint. */
  function inTurn(task: () => Promise<void>): Promise<void> {
    const done = working.then(task)
    working = done.catch(() => undefined)
    return done
  }

  function schedule(): void {
    cancelTimer()
    cancelTimer = clock.schedule(hurried ? END_FLUSH_MS : FLUSH_MS, () => {
      ticking = true
      void tick().then(() => {
        ticking = false
        if (!closed) schedule()
      })
    })
  }

  async function tick(): Promise<void> {
    hurried = false
    if (behind ? clock.now() >= catchUpAt : reopened || waiting.length > 0 || (!owed.empty && clock.now() >= roundAt))
      await inTurn(() => flushNow('due'))
    await checkpointIfDue().catch(onFault)
  }

  /** Revoked jobs and receipts have no place in a snapshot. */
  function repeated(): number {
    const { revokedJobs, jobs } = fold.state()
    let receipted = 0
    for (const { receipt } of jobs.values()) if (receipt !== undefined) receipted++
    return revokedJobs.size + receipted
  }

  async function checkpointIfDue(): Promise<void> {
    if (
      behind ||
      reopened ||
      ledger.root !== root ||
      !isDue({ ledger, author: keys.operational.publicKey as AuthorId, elapsedMs: clock.now() - checkpointAt, repeated })
    )
      return
    await intakeSettled?.()
    await inTurn(checkpointNow)
  }

  return {
    async start({ checkpoint = false } = {}) {
      await ledger.ready
      const { operational, certificate } = keys
      await openFeed(operational, () => writers.own.append('coordinator.open', { certificate }))
      await openFeed(keys.custodial, async () => {
        const certificateOfCustody = await certifyHost(keys.custodial, keys.custodial.publicKey, 'custodial', clock.now())
        await writers.custodial.append('feed.open', { certificate: certificateOfCustody })
      })
      started = true
      await inTurn(catchUp)
      if (checkpoint) await inTurn(checkpointNow)
      else await checkpointIfDue().catch(onFault)
      for (const job of fold.state().jobs.values()) if (job.ended !== null && job.receipt === undefined) receiptDue(job.id)
      schedule()
    },
    flush: () => (started ? inTurn(() => flushNow('all')) : Promise.resolve()),
    async announce(revocation) {
      if (!started || closed) throw new PeerComputeError('RECOVERING', 'the ledger is not open yet')
      try {
        // Not in turn: a checkpoint or a long catch-up would hold it up.
        await revoke(revocation)
      } catch (error) {
        fallBehind()
        throw error
      }
    },
    checkpoint: () => inTurn(checkpointNow),
    async close() {
      if (closed) return
      closed = true
      cancelTimer()
      teller?.close()
      if (started) await inTurn(() => flushNow('all'))
      unsubscribe()
      stopFolding()
    }
  }
}
