/** Which events must be provable, and what is said of them. */
import type { AccountId, JobId } from '@peercompute/job-specs'
import { RangeSet, type CoordinatorEvent, type Vote } from '../core/index.ts'
import type { AuditLog } from './audit-log.ts'

type Settled = Extract<CoordinatorEvent, { type: 'settled' }>

/** Inside the transaction of the events. What settled together is one entry for each job, with its ranges and who earned what. */
export function auditEvents(log: AuditLog, events: readonly CoordinatorEvent[]): void {
  const settled = new Map<JobId, Settled[]>()
  for (const event of events) {
    if (event.type !== 'settled') continue
    const known = settled.get(event.job)
    if (known === undefined) settled.set(event.job, [event])
    else known.push(event)
  }
  for (const event of events) if (event.type !== 'job-state') auditOne(log, event)
  for (const [job, units] of settled) {
    log.add('settled', { job, units: rangesOf(units), credit: creditOf(units, ({ microCredits }) => microCredits) }, units[0]?.at ?? 0)
  }
  // After what brought the job there.
  for (const event of events) if (event.type === 'job-state') auditOne(log, event)
}

function auditOne(log: AuditLog, event: CoordinatorEvent): void {
  switch (event.type) {
    case 'job-submitted':
      log.add(event.type, { job: event.job, author: event.signed.author, custodial: event.custodial, held: event.held }, event.at)
      return
    case 'job-approved':
      log.add(event.type, { job: event.job }, event.at)
      return
    case 'job-state':
      log.add(event.type, { job: event.job, state: event.state, ...(event.why === undefined ? {} : { why: event.why }) }, event.at)
      return
    case 'unit-errored':
      log.add(event.type, { job: event.job, unit: event.unit, reason: event.reason }, event.at)
      return
    case 'job-restored':
      log.add(event.type, { job: event.job, nextEpoch: event.nextEpoch }, event.at)
      return
    case 'units-restored':
      log.add(event.type, { job: event.job, units: [[event.start, event.count]] }, event.at)
      return
    case 'units-reopened': {
      const { job, cause, units, microCredits } = event
      log.add(event.type, { job, cause, units: rangesOf(units), credit: creditOf(units, () => -microCredits) }, event.at)
      return
    }
    case 'job-priced':
      // `results`: those of each account that had been paid for at the price before.
      log.add(event.type, { job: event.job, microCredits: event.microCredits, results: Object.fromEntries(event.paid) }, 0)
      return
    case 'host-banned':
      log.add(event.type, { host: event.host, cause: event.cause }, event.at)
      return
    case 'host-pardoned':
      log.add(event.type, { host: event.host }, event.at)
      return
    case 'credit-restored':
      log.add(event.type, { account: event.account, microCredits: event.microCredits }, 0)
      return
    default:
  }
}

function rangesOf(units: readonly { readonly unit: number }[]): readonly (readonly [number, number])[] {
  const ranges = new RangeSet()
  for (const { unit } of units) ranges.add(unit)
  return [...ranges.ranges()]
}

/** Per account. `each`: for one agreeing result of the unit. */
function creditOf<U extends { readonly votes: readonly Vote[] }>(
  units: readonly U[],
  each: (unit: U) => number
): Record<AccountId, number> {
  const out = new Map<AccountId, number>()
  for (const unit of units)
    for (const { holder, verdict } of unit.votes)
      if (verdict !== 'rejected') out.set(holder.account, (out.get(holder.account) ?? 0) + each(unit))
  return Object.fromEntries(out)
}
