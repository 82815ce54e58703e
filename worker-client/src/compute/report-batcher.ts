/**
 * Gathers outcomes into signed reports: one lease each, at most REPORT_UNITS_MAX units and REPORT_VALUE_MAX_BYTES of values,
 * no later than BATCH_MS after the first outcome, at once when the lease is done.
 */
import { concat, REPORT_UNITS_MAX, signReport, type Executor, type UnitResult } from '@peercompute/job-specs'
import { sleep, type Clock } from '@peercompute/p2p/time'
import { digestOf } from '../digest.ts'
import type { Identity } from '../identity/identity.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { UnitOutcome } from './compute-worker.ts'
import { leaseKey, type HeldLease } from './held-lease.ts'

export const BATCH_MS = 250
export const REPORT_VALUE_MAX_BYTES = 1_048_576
const MESSAGE_MAX = 2_000

interface Batch {
  readonly held: HeldLease
  readonly executor: Executor
  readonly outcomes: UnitOutcome[]
  readonly flushed: AbortController
  bytes: number
}

export interface ReportBatcher {
  /** `done`: nothing more will come of this lease. */
  add(held: HeldLease, executor: Executor, outcome: UnitOutcome, done: boolean): void
  /** Sends what is waiting of this lease, or of all, on its way. Resolves when it is in the outbox. */
  flush(held?: HeldLease): Promise<void>
}

export interface ReportBatcherInit {
  readonly identity: Identity
  readonly outbox: Outbox
  readonly clock: Clock
  /** The outcomes of these units are safe. */
  readonly onStored: (held: HeldLease, units: readonly number[]) => void
}

export function createReportBatcher(init: ReportBatcherInit): ReportBatcher {
  const { identity, outbox, clock } = init
  const batches = new Map<string, Batch>()
  const writing = new Set<Promise<void>>()

  const close = (key: string) => {
    const batch = batches.get(key)
    if (batch === undefined) return
    batches.delete(key)
    batch.flushed.abort()
    const written = write(batch).finally(() => writing.delete(written))
    writing.add(written)
  }

  const write = async ({ held, executor, outcomes }: Batch) => {
    const { lease } = held
    const report = await signReport(identity.host, {
      v: 1,
      job: lease.job,
      epoch: lease.epoch,
      host: identity.certificate.host,
      executor: executor.kind,
      numericClass: executor.numericClass,
      probeVersion: executor.probeVersion,
      ...(executor.benchmark === undefined ? {} : { benchmark: executor.benchmark }),
      ts: Math.max(0, Math.floor(clock.now())),
      units: await Promise.all(outcomes.map(toUnitResult))
    })
    await outbox.add(report, concat(outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []))), held.deadline)
    init.onStored(
      held,
      outcomes.map(({ unit }) => unit)
    )
  }

  return {
    add(held, executor, outcome, done) {
      const key = leaseKey(held.lease)
      const size = outcome.ok ? outcome.value.length : 0
      if ((batches.get(key)?.bytes ?? 0) + size > REPORT_VALUE_MAX_BYTES) close(key)
      let batch = batches.get(key)
      if (batch === undefined) {
        batch = { held, executor, outcomes: [], flushed: new AbortController(), bytes: 0 }
        batches.set(key, batch)
        sleep(clock, BATCH_MS, batch.flushed.signal).then(
          () => {
            close(key)
          },
          () => undefined
        )
      }
      batch.outcomes.push(outcome)
      batch.bytes += size
      if (done || batch.outcomes.length >= REPORT_UNITS_MAX) close(key)
    },
    async flush(held) {
      for (const key of held === undefined ? [...batches.keys()] : [leaseKey(held.lease)]) close(key)
      await Promise.all(writing)
    }
  }
}

async function toUnitResult(outcome: UnitOutcome): Promise<UnitResult> {
  const { unit } = outcome
  const computeMs = Number.isFinite(outcome.computeMs) ? Math.min(1e9, Math.max(0, outcome.computeMs)) : 0
  if (!outcome.ok) return { outcome: 'failure', unit, reason: outcome.reason, message: outcome.message.slice(0, MESSAGE_MAX), computeMs }
  return { outcome: 'success', unit, digest: await digestOf(outcome.value), bytes: outcome.value.length, computeMs }
}
