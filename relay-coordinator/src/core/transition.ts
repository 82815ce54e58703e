/**
 * The transition of one unit: what follows from the results and failures that it has. Pure and idempotent, so it can be run again
 * at any time.
 *
 *   unsent → in progress → validating → settled → wanting (reopened: who decided it is no longer believed)
 *                              └──────→ wanting (results differ, or one is missing) → in progress
 *                                       errored: inconclusive (as many results as allowed) · too_many_failures (no success at all)
 */
import type { JobSpec, ReasonCode, UnitFailure } from '@peercompute/job-specs'
import { acceptance, type Acceptance, type Judging } from './acceptance.ts'
import type { Vote } from './events.ts'
import type { PendingResult, UnitInFlight } from './unit.ts'

/** Failed attempts without any success after which a unit is given up. */
export const FAILURES_MAX = 3

/** Results that disagree with the leading answer after which a unit is given up. */
export const DISAGREEING_MAX = 8

/** It says something of the host or its kind, and nothing of the unit: another kind of host is asked, however often. */
export function isHostsOwn(failure: UnitFailure): boolean {
  return failure === 'compile_error' || failure === 'kernel_not_admitted'
}

/** Found after the program had run: however often, others are asked. */
function isOfVerifier(failure: UnitFailure): boolean {
  return failure === 'verification_failed' || failure === 'verifier_failed'
}

export type Transition =
  | {
      readonly kind: 'settle'
      readonly canonical: PendingResult
      /** Results that agree with it, itself included. */
      readonly star: readonly PendingResult[]
      readonly votes: readonly Vote[]
      readonly errorProbability: number
    }
  /** `votes`: of an inconclusive unit, around its leading answer. */
  | { readonly kind: 'error'; readonly reason: ReasonCode; readonly votes?: readonly Vote[] }
  /** `missing`: executions to start beyond those that are active. 0: wait for what is under way. */
  | { readonly kind: 'open'; readonly missing: number }

export function transition(
  unit: Pick<UnitInFlight, 'results' | 'failures' | 'active' | 'slow'>,
  spec: JobSpec,
  judging: Judging
): Transition {
  const { maxResults } = spec.verification
  const verdict = acceptance(unit.results, spec, judging)
  const canonical = verdict.star[0]
  if (verdict.accepted && canonical !== undefined)
    return {
      kind: 'settle',
      canonical,
      star: verdict.star,
      votes: votes(unit.results, verdict, judging),
      errorProbability: verdict.errorProbability
    }
  if (unit.results.length >= maxResults || unit.results.length - verdict.star.length >= DISAGREEING_MAX)
    return { kind: 'error', reason: 'inconclusive', votes: votes(unit.results, verdict, judging) }
  const failures = unit.failures.reduce((sum, { reason }) => sum + (isHostsOwn(reason) || isOfVerifier(reason) ? 0 : 1), 0)
  if (failures >= FAILURES_MAX && (unit.results.length === 0 || failures >= maxResults))
    return { kind: 'error', reason: 'too_many_failures' }
  const missing = verdict.wanted - unit.active.length
  const room = maxResults - unit.results.length - unit.active.length - unit.slow.length
  return { kind: 'open', missing: Math.max(0, Math.min(missing, room)) }
}

function votes(results: readonly PendingResult[], { star }: Acceptance, { compare }: Judging): Vote[] {
  const [canonical] = star
  return results.map((result) => {
    const { epoch, holder, numericClass, probeVersion, digest, computeMs } = result
    const { metric, bound } = canonical === undefined ? { metric: 0, bound: 0 } : compare(canonical, result)
    const verdict = result === canonical ? 'canonical' : star.includes(result) ? 'agrees' : 'rejected'
    return { epoch, holder, numericClass, probeVersion, verdict, digest, computeMs, metric, bound }
  })
}
