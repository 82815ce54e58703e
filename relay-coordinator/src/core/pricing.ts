/**
 * The price of a job's units. The first are paid as the researcher declared; then the price is fixed, for those before and all that
 * follow, by what the units took on hosts whose results were believed: seconds × measured speed (as BOINC grants credit).
 */
import type { AccountId, HostId, JobSpec } from '@peercompute/job-specs'
import { unitMicroCredits } from './credit.ts'
import type { CoordinatorEvent, Vote } from './events.ts'
import { isResumed } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

/** Settled units after which the price of a job is fixed. */
export const PRICED_AFTER = 20
/** The price is between these multiples of the declared one, so that neither researcher nor hosts can take it far. */
export const PRICE_FACTOR_MIN = 0.5
export const PRICE_FACTOR_MAX = 2

/**
 * Operations that a settled unit took: the median over its validated hosts of seconds × operations per second of the executor. A host
 * that has not measured itself, or computed a part of the unit only, says what the researcher says.
 */
export function measuredOperations({ hosts }: Pick<CoordinatorState, 'hosts'>, spec: JobSpec, votes: readonly Vote[]): number {
  const measured = votes.flatMap(({ verdict, holder, computeMs }) => {
    if (verdict === 'rejected') return []
    const executor = hosts.get(holder.host)?.description.executors.find(({ kind }) => kind === holder.executor)
    const operations = isResumed(holder) ? 0 : (computeMs / 1_000) * (executor?.operationsPerSecond ?? 0)
    return [operations > 0 && Number.isFinite(operations) ? operations : spec.unitOperations]
  })
  return median(measured) ?? spec.unitOperations
}

/** Once enough units are settled, `settled` included, which have been decided and not applied: the event that fixes the job's price. */
export function priceOf(state: Pick<CoordinatorState, 'hosts'>, job: JobEntry, settled: readonly Of<'settled'>[]): Of<'job-priced'> | null {
  if (job.pricing === null || job.pricing.operations.length + settled.length < PRICED_AFTER) return null
  const { spec } = job.signed
  const operations = [...job.pricing.operations]
  const paid = new Map(job.pricing.paid)
  const hosts = new Map(job.pricing.hosts)
  for (const { votes } of settled) {
    if (operations.length < PRICED_AFTER) operations.push(measuredOperations(state, spec, votes))
    countPaid({ paid, hosts }, votes, 1)
  }
  const factor = Math.min(PRICE_FACTOR_MAX, Math.max(PRICE_FACTOR_MIN, (median(operations) ?? spec.unitOperations) / spec.unitOperations))
  return {
    type: 'job-priced',
    job: job.id,
    microCredits: unitMicroCredits(spec.unitOperations * factor),
    paid: [...paid],
    hosts: [...hosts]
  }
}

/** Counts agreeing results of a unit that is settled, or of one that is taken back. */
export function countPaid(
  { paid, hosts }: { readonly paid: Map<AccountId, number>; readonly hosts: Map<HostId, number> },
  votes: readonly Vote[],
  change: 1 | -1
): void {
  for (const { holder, verdict } of votes) {
    if (verdict === 'rejected') continue
    count(paid, holder.account, change)
    count(hosts, holder.host, change)
  }
}

function count<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const results = (counts.get(key) ?? 0) + change
  if (results === 0) counts.delete(key)
  else counts.set(key, results)
}

/** Of an even number, the lower of the two in the middle: a single liar among two cannot raise a price. */
function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? null
}
