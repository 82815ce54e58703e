/**
 * Deciders about what a ledger remembers of a coordinator that lost its store: jobs, the units that it had settled, who had earned
 * what. Nobody has to compute those units again, but their values are not held here.
 */
import type { AccountId } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, type Decider } from './decision.ts'
import type { CoordinatorEvent } from './events.ts'
import type { Range } from './matching.ts'
import { isOpen } from './place.ts'
import { RangeSet } from './range-set.ts'
import type { CoordinatorState } from './state.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** `units`: settled ones that had not been known. Asking for the same again changes nothing. */
export const decideRestore: Decider<Of<'restore'>, { readonly created: boolean; readonly units: number }> = (state, command, { now }) => {
  const { job, signed, custodial, missingBlobs, settled, ended } = command
  const held = state.jobs.get(job)
  if (held !== undefined && !isOpen(held)) return decided({ created: false, units: 0 })
  const known = new RangeSet()
  for (const [start, count] of [...(held?.settled.ranges() ?? []), ...(held?.errored.ranges() ?? [])]) known.add(start, count)
  const before = known.size
  const events: CoordinatorEvent[] = []
  if (held === undefined) {
    events.push({ type: 'job-submitted', job, signed, custodial, missingBlobs, held: false, at: now })
    // Later than any lease that the lost store can have given, so that no late report is taken for one of a new lease.
    events.push({ type: 'job-restored', job, nextEpoch: Math.max(1, Math.floor(now / 1_000)), at: now })
  }
  for (const { start, count } of [...settled].sort((a, b) => a.start - b.start))
    for (const range of gaps(known, start, Math.min(count, signed.spec.unitCount - start))) {
      known.add(range.start, range.count)
      events.push({ type: 'units-restored', job, ...range, at: now })
    }
  const end = ended ?? (known.size < signed.spec.unitCount ? null : (held?.errored.size ?? 0) > 0 ? 'failed' : 'completed')
  if (end !== null) events.push({ type: 'job-state', job, state: end, at: now })
  return decided({ created: held === undefined, units: known.size - before }, events)
}

/** Totals only rise, so a total that is known already, or a higher one, stays. */
export const decideRestoreCredit: Decider<Of<'restore-credit'>, null> = (state: CoordinatorState, { credit }) =>
  decided(
    null,
    [...credit]
      .filter(([account, total]) => total > creditOf(state, account))
      .map(([account, microCredits]) => ({ type: 'credit-restored', account, microCredits }))
  )

function creditOf(state: CoordinatorState, account: AccountId): number {
  return state.credit.get(account) ?? 0
}

/** Parts of [start, start + count) that the set lacks. */
function gaps(known: RangeSet, start: number, count: number): Range[] {
  const end = start + count
  const out: Range[] = []
  let next = start
  for (const [from, length] of known.ranges()) {
    if (from + length <= next) continue
    if (from >= end) break
    if (from > next) out.push({ start: next, count: from - next })
    next = from + length
  }
  if (next < end) out.push({ start: next, count: end - next })
  return out
}
