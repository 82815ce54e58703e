/** The policies: from the results of a unit to the answer that is believed, or to how many more results are wanted. */
import type { Comparison, JobSpec } from '@peercompute/job-specs'
import { groupCredibilities } from './credibility.ts'
import { isResumed, type Holder } from './held-lease.ts'
import type { PendingResult } from './unit.ts'

/** What is known of the host behind a result. */
export interface Standing {
  /** Probability that a single answer of its is wrong, in (0, 0.5]. */
  readonly doubt: number
  /** Agreements with independent others since its last failure. */
  readonly passed: number
}

export interface Judging {
  readonly standing: (holder: Holder) => Standing
  readonly compare: (a: PendingResult, b: PendingResult) => Comparison
  /** Share of believed single results that are computed a second time all the same. Each such check tests both hosts. */
  readonly checkShare: () => number
  /**
   * Uniform in [0, 1), drawn when a report has come: whether one believed result is enough this time. Drawn afterwards, so that no host can
   * know which of its answers are checked. Null: one result is not enough.
   */
  readonly draw: number | null
}

export interface Acceptance {
  /** Results that agree with the first of them directly; the leading answer. */
  readonly star: readonly PendingResult[]
  readonly accepted: boolean
  /** Probability that the leading answer is wrong; 1 without any. Worked out when it is asked for: most units are looked at far more often. */
  readonly errorProbability: () => number
  /** Results that are still wanted, should they all agree. */
  readonly wanted: number
}

/** The same for results that the job's own verifier has passed. */
export const AUDIT_SHARE = 0.02
/** Agreements in a row after which BOINC's adaptive replication begins to believe a host alone. */
export const ADAPTIVE_ROW = 10

export function acceptance(results: readonly PendingResult[], { verification }: JobSpec, judging: Judging): Acceptance {
  const groups = stars(results, judging.compare)
  const leading = verification.policy === 'credibility' && groups.length > 1 ? indexOfLargest(credibilitiesOf(groups, judging)) : 0
  const star = groups[leading] ?? NONE
  const errorProbability = (): number => 1 - (credibilitiesOf(groups, judging)[leading] ?? 0)
  const verdict = (accepted: boolean, wanted: number): Acceptance => ({ star, accepted, errorProbability, wanted: accepted ? 0 : wanted })
  switch (verification.policy) {
    case 'quorum':
      return verdict(star.length >= verification.quorum, verification.quorum - star.length)
    case 'adaptive': {
      if (star.length === 0) return verdict(false, 1)
      const believed = results.length === 1 && isBelievedAlone(star, judging)
      return verdict(believed || star.length >= verification.quorum, verification.quorum - star.length)
    }
    case 'credibility': {
      const credible = star.length > 0 && errorProbability() <= verification.errorProbability
      const alone = results.length === 1 && !results.some(({ holder }) => isResumed(holder))
      return verdict(credible && (star.length > 1 || (alone && isSpared(judging.draw, judging.checkShare()))), 1)
    }
    case 'verifier':
      if (star.length === 0) return verdict(false, 1)
      return verdict(star.length > 1 || (isVerified(results) && isSpared(judging.draw, AUDIT_SHARE)), 2 - star.length)
  }
}

const NONE: readonly never[] = []

function credibilitiesOf(groups: readonly (readonly PendingResult[])[], { standing }: Judging): number[] {
  return groupCredibilities(groups.map((star) => star.map(({ holder }) => standing(holder).doubt)))
}

function isVerified([only, ...others]: readonly PendingResult[]): boolean {
  return others.length === 0 && only?.verified === true
}

function isSpared(draw: number | null, share: number): boolean {
  return draw !== null && draw >= share
}

function isBelievedAlone([only]: readonly PendingResult[], { standing, draw }: Judging): boolean {
  // Of two whose opinion it is, neither vouches for what the other did.
  if (only === undefined || draw === null || isResumed(only.holder)) return false
  const { passed } = standing(only.holder)
  return passed >= ADAPTIVE_ROW && draw < 1 - 1 / passed
}

/** All results in groups that agree directly with their first, the largest group first (star rule: tolerance is not transitive). */
function stars(results: readonly PendingResult[], compare: Judging['compare']): readonly (readonly PendingResult[])[] {
  if (results.length === 0) return NONE
  if (results.length === 1) return [results]
  const out: (readonly PendingResult[])[] = []
  let left = results
  while (left.length > 0) {
    const star = largestStar(left, compare)
    out.push(star)
    left = left.filter((result) => !star.includes(result))
  }
  return out
}

/** The earliest reference wins a tie. */
function largestStar(results: readonly PendingResult[], compare: Judging['compare']): readonly PendingResult[] {
  if (results.length < 2) return results
  let best: PendingResult[] = []
  for (const centre of results) {
    const star = [centre, ...results.filter((other) => other !== centre && compare(centre, other).agree)]
    if (star.length === results.length) return star
    if (star.length > best.length) best = star
  }
  return best
}

function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? -1) ? index : best), 0)
}
