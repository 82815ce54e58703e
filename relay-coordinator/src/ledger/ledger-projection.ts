/**
 * The coordinator's own feed: what it has admitted, settled, ended and credited, as signed records that anybody can check.
 * The store is the truth and the feed follows it: settlements are collected for FLUSH_MS and appended together; what a crash
 * or a full disk kept from being appended is found again by comparing the feed with the store. From time to time a checkpoint
 * sums the feed up, so that a newcomer need not read all of it.
 */
import { certifyHost, PeerComputeError, type AuthorId, type JobId, type KeyPair, type RevocationView } from '@peercompute/job-specs'
import { createFold, followLedger, writeCheckpoint, type Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator, Settlement } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { isDue } from './checkpoint-due.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { feedsOf, hasFeed, readProjected, type Projected } from './projected-jobs.ts'
import { appendSettlements } from './settlement-records.ts'
import { settlementsMissing } from './settlements-missing.ts'

export const FLUSH_MS = 1_000

export interface ProjectionComponents {
  readonly coordinator: Coordinator
  /** Follows the coordinator's root. */
  readonly ledger: Ledger
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational' | 'custodial'>
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'ledgerFlushed'>
  readonly onFault: (error: unknown) => void
  /** All that were ever made. None by default. */
  readonly revocations?: () => readonly RevocationView[]
  /** Resolves when every job that the ledger has brought so far was decided on. */
  readonly intakeSettled?: () => Promise<void>
}

export interface LedgerProjection {
  /** Opens the feeds and appends what the ledger lacks; then a checkpoint, when one is due or asked for. Rejects when the feed cannot be written. */
  start(options?: { readonly checkpoint?: boolean }): Promise<void>
  /** Appends what has been collected. Never rejects: a failure is made up for by the next flush. */
  flush(): Promise<void>
  /** Appends the record of a revocation now, ahead of everything that waits. Rejects when it cannot; then the next flush tries again. */
  announce(revocation: RevocationView): Promise<void>
  /** Sums up everything said so far. Rejects with the ledger's error. */
  checkpoint(): Promise<void>
  /** Flushes and stops following; writes nothing when it was never started. Idempotent. */
  close(): Promise<void>
}

export function createLedgerProjection(components: ProjectionComponents): LedgerProjection {
  const { coordinator, ledger, keys, clock, metrics, onFault, intakeSettled, revocations = () => [] } = components
  const { root } = keys.certificate
  const writers = { coordinator, own: ledger.writer(keys.operational), custodial: ledger.writer(keys.custodial) }
  const fold = createFold(root)
  const stopFolding = followLedger(ledger, fold)
  let projected: Projected = { jobs: new Map(), credit: new Map() }
  let waiting: Settlement[] = []
  let behind = true
  let cancelTimer: () => void = () => undefined
  let working: Promise<void> = Promise.resolve()
  let checkpointAt = clock.now()
  let started = false
  let closed = false

  const unsubscribe = coordinator.onSettlement((settlement) => {
    waiting.push(settlement)
  })

  async function openFeed(author: KeyPair, open: () => Promise<void>): Promise<void> {
    if (!feedsOf(ledger, author.publicKey as AuthorId).some((feed) => hasFeed(ledger, feed))) await open()
  }

  async function append(settlements: readonly Settlement[]): Promise<void> {
    const outcomes = await Promise.allSettled(appendSettlements(writers, projected, settlements))
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
    metrics.ledgerFlushed(outcomes.length - failures.length, 'appended')
    if (failures.length === 0) return
    metrics.ledgerFlushed(failures.length, 'failed')
    throw failures[0]?.reason
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
    projected = readProjected(fold.state(), coordinator.retired())
    for (const revocation of revocations()) await revoke(revocation)
    for await (const batch of settlementsMissing(coordinator, projected)) await append(batch)
    behind = false
  }

  async function flushNow(): Promise<void> {
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

  async function checkpointNow(): Promise<void> {
    checkpointAt = clock.now()
    const state = fold.state()
    const made = await makeSnapshot({ coordinator, root, state, covers: ledger.covers() })
    if (made === null) return
    // Before the ledger forgets them: a job that is retired here only would be told anew.
    await coordinator.retire(made.retired)
    await writeCheckpoint(ledger, writers.own, made.snapshot, state.revokedJobs)
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
    cancelTimer = clock.schedule(FLUSH_MS, () => {
      void tick().then(() => {
        if (!closed) schedule()
      })
    })
  }

  async function tick(): Promise<void> {
    if (waiting.length > 0 || behind) await inTurn(flushNow)
    await checkpointIfDue().catch(onFault)
  }

  async function checkpointIfDue(): Promise<void> {
    if (
      behind ||
      ledger.root !== root ||
      !isDue({ ledger, author: keys.operational.publicKey as AuthorId, elapsedMs: clock.now() - checkpointAt })
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
      schedule()
    },
    flush: () => (started ? inTurn(flushNow) : Promise.resolve()),
    async announce(revocation) {
      if (!started || closed) throw new PeerComputeError('RECOVERING', 'the ledger is not open yet')
      try {
        // Not in turn: a checkpoint or a long catch-up would hold it up.
        await revoke(revocation)
      } catch (error) {
        behind = true
        throw error
      }
    },
    checkpoint: () => inTurn(checkpointNow),
    async close() {
      if (closed) return
      closed = true
      cancelTimer()
      if (started) await inTurn(flushNow)
      unsubscribe()
      stopFolding()
    }
  }
}
