/** When programs that a job brings, its verifier or its comparator, turn out not to be fit to decide: the job is paused, nothing is guessed. */
import type { ReasonCode } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import type { JobEntry } from './job.ts'
import type { PendingResult } from './unit.ts'

/** Values on which a verifier may fail before its job is paused. */
export const VERIFIER_FAILURES = 3

/** The comparator could not tell two of these results apart or together. */
export function comparatorFails({ signed, judging }: JobEntry, results: readonly PendingResult[]): boolean {
  if (signed.spec.verification.comparator.kind !== 'custom') return false
  return results.some((a, index) => results.slice(index + 1).some((b) => judging.compare(a, b).failed === true))
}

/** Results that the verifier has passed disagree. */
export function verifierDoubted({ signed, judging }: JobEntry, results: readonly PendingResult[]): boolean {
  if (signed.spec.verification.policy !== 'verifier') return false
  const [first, ...others] = results.filter(({ verified }) => verified)
  return first !== undefined && others.some((other) => !judging.compare(first, other).agree)
}

/** Why the verifier's failures among these events, after those of before, pause the job; null when they do not. */
export function verifierFailing(job: JobEntry, events: readonly CoordinatorEvent[]): ReasonCode | null {
  const now = events.filter((event) => event.type === 'failure' && event.attempt.reason === 'verifier_failed').length
  const before = job.failures.get('verifier_failed')?.units ?? 0
  return now > 0 && now + before >= VERIFIER_FAILURES ? 'verifier_failing' : null
}
