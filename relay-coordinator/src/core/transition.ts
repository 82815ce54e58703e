/**
 * The transition of one unit: what follows from the results and failures that it has. Pure and idempotent, so it can be run again
 * at any time.
 *
 *   unsent → in progress → validating → settled
 *                              └──────→ wanting (results differ, or one is missing) → in progress
 *                                       errored: inconclusive (as many results as allowed) · too_many_failures (no success at all)
 */
import type { JobSpec, ReasonCode, UnitFailure } from '@peercompute/job-specs'
import { agree } from './agreement.ts'
import type { Vote } from './events.ts'
import type { PendingResult, UnitInFlight } from './unit.ts'

/** Failed attempts without any success after which a unit is given up. */
export const FAILURES_MAX = 3

/** It says something of the host or its kind, and nothing of the unit: another kind of host is asked, however often. */
export function isHostsOwn(failure: UnitFailure): boolean {
  return failure === 'compile_error' || failure === 'kernel_not_admitted'
}

export type Transition =
  | { readonly kind: 'settle'; readonly canonical: PendingResult; readonly votes: readonly Vote[] }
  | { readonly kind: 'error'; readonly reason: ReasonCode }
  /** `missing`: executions to start beyond those that are active. 0: wait for what is under way. */
  | { readonly kind: 'open'; readonly missing: number }

export function transition(unit: Pick<UnitInFlight, 'results' | 'failures' | 'active' | 'slow'>, spec: JobSpec): Transition {
  const { quorum, maxResults } = spec.verification
  const star = largestStar(unit.results, spec)
  if (star.length >= quorum && star[0] !== undefined) return { kind: 'settle', canonical: star[0], votes: votes(unit.results, star) }
  if (unit.results.length >= maxResults) return { kind: 'error', reason: 'inconclusive' }
  const failures = unit.failures.reduce((sum, { reason }) => sum + (isHostsOwn(reason) ? 0 : 1), 0)
  if (failures >= FAILURES_MAX && (unit.results.length === 0 || failures >= maxResults))
    return { kind: 'error', reason: 'too_many_failures' }
  const missing = quorum - star.length - unit.active.length
  const room = maxResults - unit.results.length - unit.active.length - unit.slow.length
  return { kind: 'open', missing: Math.max(0, Math.min(missing, room)) }
}

/**
 * The largest group of results that all agree directly with one of them, which comes first (star rule: tolerance is not transitive,
 * so nothing is chained). The earliest reference wins a tie.
 */
function largestStar(results: readonly PendingResult[], spec: JobSpec): readonly PendingResult[] {
  if (results.length < 2) return results
  let best: PendingResult[] = []
  for (const centre of results) {
    const star = [centre, ...results.filter((other) => other !== centre && agree(centre, other, spec))]
    if (star.length > best.length) best = star
  }
  return best
}

function votes(results: readonly PendingResult[], star: readonly PendingResult[]): Vote[] {
  return results.map((result) => ({
    epoch: result.epoch,
    holder: result.holder,
    numericClass: result.numericClass,
    verdict: result === star[0] ? 'canonical' : star.includes(result) ? 'agrees' : 'rejected'
  }))
}
