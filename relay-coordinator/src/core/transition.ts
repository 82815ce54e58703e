/**
 * The transition of one unit: what follows from the results and failures that it has. Pure and idempotent, so it can be run again
 * at any time.
 *
 *   unsent → in progress → validating → settled → wanting (reopened: who decided it is no longer believed)
 *                              └──────→ wanting (results differ, or one is missing) → in progress
 *                                       errored: inconclusive (as many results as allowed) · too_many_failures (no success at all)
 */
import { mustBeEqual, type JobSpec, type ReasonCode, type UnitFailure } from '@peercompute/job-specs'
import { acceptance, type Acceptance, type Judging } from './acceptance.ts'
import type { Vote } from './events.ts'
import { isResumed } from './held-lease.ts'
import { ANOTHER_CLASS, type PendingResult, type UnitInFlight } from './unit.ts'

/** Failed attempts without any success after which a unit is given up. */
export const FAILURES_MAX = 3

/** Attempts that the job's verifier has refused, for each result that the unit may have, after which it is given up. */
export const REFUSALS_PER_RESULT = 3

/** Results that disagree with the leading answer after which a unit is given up. */
export const DISAGREEING_MAX = 8

/** It says something of the host or its kind, and nothing of the unit: another kind of host is asked, however often. */
export function isHostsOwn(failure: UnitFailure): boolean {
  return failure === 'compile_error' || failure === 'kernel_not_admitted'
}

/** Found after the program had run, and by the job's own check: others are asked far longer. */
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

type History = Pick<UnitInFlight, 'results' | 'failures' | 'active' | 'slow'>

export function transition(unit: History, spec: JobSpec, judging: Judging): Transition {
  const verdict = acceptance(unit.results, spec, judging)
  const missing = missingOf(unit, spec, verdict)
  if (missing !== null) return { kind: 'open', missing }
  const [canonical] = verdict.star
  if (verdict.accepted && canonical !== undefined)
    return {
      kind: 'settle',
      canonical,
      star: verdict.star,
      votes: votes(unit.results, verdict, spec, judging),
      errorProbability: verdict.errorProbability()
    }
  if (isInconclusive(unit, spec, verdict))
    return { kind: 'error', reason: 'inconclusive', votes: votes(unit.results, verdict, spec, judging) }
  return { kind: 'error', reason: 'too_many_failures' }
}

/** As `transition` has it, without what is only told of units that end; null for those. */
export function missingResults(unit: History, spec: JobSpec, judging: Judging): number | null {
  return missingOf(unit, spec, acceptance(unit.results, spec, judging))
}

function missingOf(unit: History, spec: JobSpec, verdict: Acceptance): number | null {
  const { results, failures, active, slow } = unit
  if (verdict.accepted || isInconclusive(unit, spec, verdict) || (failures.length > 0 && hasFailed(unit, spec))) return null
  const room = spec.verification.maxResults - results.length - active.length - slow.length
  return Math.max(0, Math.min(verdict.wanted - active.length, room))
}

function isInconclusive({ results }: History, { verification }: JobSpec, { star }: Acceptance): boolean {
  return results.length >= verification.maxResults || results.length - star.length >= DISAGREEING_MAX
}

/** What failed after a foreign state does not count: the state is dropped, and the unit is computed from its beginning. */
function hasFailed({ results, failures: all }: History, { verification }: JobSpec): boolean {
  const { maxResults } = verification
  const failures = all.filter(({ holder }) => !isResumed(holder))
  const refusals = count(failures, ({ reason }) => isOfVerifier(reason))
  const others = count(failures, ({ reason }) => !isHostsOwn(reason) && !isOfVerifier(reason))
  return refusals >= REFUSALS_PER_RESULT * maxResults || (others >= FAILURES_MAX && (results.length === 0 || others >= maxResults))
}

function count<T>(items: readonly T[], isCounted: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (isCounted(item) ? 1 : 0), 0)
}

function votes(results: readonly PendingResult[], { star }: Acceptance, { verification }: JobSpec, { compare }: Judging): Vote[] {
  const [canonical] = star
  return results.map((result) => {
    const { epoch, holder, numericClass, probeVersion, digest, computeMs } = result
    const verdict = result === canonical ? 'canonical' : star.includes(result) ? 'agrees' : 'rejected'
    // Its class had to give equal bytes. How many differ says less than how far it is from what others may give.
    const isStrict = verdict === 'rejected' && canonical !== undefined && mustBeEqual(verification.comparator, canonical, result)
    const other = isStrict ? { ...result, numericClass: ANOTHER_CLASS } : result
    const { metric, bound } = canonical === undefined ? { metric: 0, bound: 0 } : compare(canonical, other)
    return { epoch, holder, numericClass, probeVersion, verdict, digest, computeMs, metric, bound }
  })
}
