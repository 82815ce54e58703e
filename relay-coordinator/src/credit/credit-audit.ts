/**
 * The daily audit: whether all credit is the sum over the settled units that the store has, each at the price of its job. Nothing is ever
 * corrected here: what does not add up is told, in the audit log, in the log and as a metric.
 */
import { PeerComputeError, type CreditFinding, type JobId } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import type { AuditPort } from '../core/store.ts'
import { SlicedUnits } from '../engine/sliced-units.ts'

export const AUDIT_INTERVAL_MS = 86_400_000
/** After the start, when the first volunteers have come. */
export const FIRST_AUDIT_MS = 60_000
/** Between two slices of units, so that hosts are not kept waiting: about 10 000 units a second. */
export const SLICE_PAUSE_MS = 10
/** An audit in which units were reopened, or that found a difference (a clock was set back), is made again so often before it is told. */
const ATTEMPTS = 3

export interface CreditAuditInit {
  readonly coordinator: Pick<Coordinator, 'creditBooks' | 'settledUnits' | 'onSettlement'>
  readonly audit: Pick<AuditPort, 'audit'>
  /** Epoch ms, the clock by which units are settled. */
  readonly now: () => number
  /** Resolves after so many ms; rejects when it is to end. */
  readonly pause: (ms: number) => Promise<void>
  /** Hears of every finding, good or bad. */
  readonly onFinding: (finding: CreditFinding) => void
  readonly onFault: (error: unknown) => void
}

/** One audit, told in the audit log. Null when units were reopened each time that it was tried. Throws STORE_DAMAGED, and what `pause` rejects with. */
export async function auditCredit(init: CreditAuditInit): Promise<CreditFinding | null> {
  let found: CreditFinding | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    found = (await once(init)) ?? found
    if (found?.difference === 0) break
  }
  if (found === null) return null
  init.audit.audit(found.difference === 0 ? 'credit-audited' : 'credit-differs', found, init.now())
  init.onFinding(found)
  return found
}

/** Audits a while after the start, and then once a day, until `pause` rejects. */
export async function auditDaily(init: CreditAuditInit): Promise<void> {
  try {
    await init.pause(FIRST_AUDIT_MS)
    for (;;) {
      await auditCredit(init).catch((error: unknown) => {
        if (!(error instanceof PeerComputeError)) throw error
        init.onFault(error)
      })
      await init.pause(AUDIT_INTERVAL_MS)
    }
  } catch (error) {
    if (!(error instanceof DOMException)) init.onFault(error)
  }
}

/** Null when units were reopened meanwhile. */
async function once({ coordinator, now, pause }: CreditAuditInit): Promise<CreditFinding | null> {
  let reopened = false
  const wasReopened = (): boolean => reopened
  const leave = coordinator.onSettlement(({ kind }) => {
    reopened ||= kind === 'reopened'
  })
  try {
    const at = now()
    const { accounts, carried, jobs } = coordinator.creditBooks()
    const microCredits = sum(accounts.values())
    const known = sum(carried.values())
    await pause(SLICE_PAUSE_MS) // What was decided by then is on disk afterwards.
    // Of the millisecond of the books, some units may have been decided before them and some after: either is right.
    let least = 0
    let most = 0
    let units = 0
    for (const { job, unitMicroCredits } of jobs) {
      for await (const { results, settledAt } of settledBy(coordinator, job, pause)) {
        if (wasReopened()) return null
        if (settledAt > at) continue
        units++
        most += results * unitMicroCredits
        if (settledAt < at) least += results * unitMicroCredits
      }
    }
    if (wasReopened()) return null
    const earned = microCredits - known
    const settled = Math.min(most, Math.max(least, earned))
    return { at, microCredits, settled, carried: known, units, difference: earned - settled }
  } finally {
    leave()
  }
}

async function* settledBy(
  coordinator: Pick<Coordinator, 'settledUnits'>,
  job: JobId,
  pause: (ms: number) => Promise<void>
): AsyncGenerator<{ readonly results: number; readonly settledAt: number }> {
  const slices = new SlicedUnits(coordinator, job)
  for (let units = slices.next(); units !== null; units = slices.next()) {
    for (const { votes, settledAt } of units) yield { results: votes.filter(({ verdict }) => verdict !== 'rejected').length, settledAt }
    await pause(SLICE_PAUSE_MS)
  }
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
