/** How many independent hosts a unit of a job needs, and how many there are. Asked by people, one at a time. */
import { leastResults, type Independence, type JobSpec } from '@peercompute/job-specs'
import { doubtOf, groupCredibilities } from './credibility.ts'
import { voiceMarks } from './exclusion.ts'
import type { Holder } from './held-lease.ts'
import { standingOf } from './judging.ts'
import type { CoordinatorState } from './state.ts'

/** Mutually independent ones of these holders, the earlier ones first: as many as there can be for levels that partition the holders. */
export function independentOf(holders: readonly Holder[], level: Independence): Holder[] {
  const heard = new Set<string>()
  return holders.filter((holder) => {
    const marks = voiceMarks(holder, level)
    if (marks.some((mark) => heard.has(mark))) return false
    for (const mark of marks) heard.add(mark)
    return true
  })
}

/**
 * Agreeing results with which a unit is believed at present, when `voices` are the first of them and all others come from hosts of which
 * nothing is known. Of `adaptive`, and of `verifier` for the units whose check is checked: what they need when no host is believed alone.
 */
export function resultsWanted({ trust }: CoordinatorState, spec: JobSpec, voices: readonly Holder[]): number {
  const { verification } = spec
  if (verification.policy === 'quorum' || verification.policy === 'adaptive') return verification.quorum
  if (verification.policy === 'verifier') return 2
  const doubts = voices.map((holder) => standingOf(trust, spec, holder).doubt)
  const fresh = doubtOf(0, trust.suspects)
  for (let n = 1; n < verification.maxResults; n++) {
    const group = Array.from({ length: n }, (_, index) => doubts[index] ?? fresh)
    if (1 - (groupCredibilities([group])[0] ?? 0) <= verification.errorProbability) return n
  }
  return verification.maxResults
}

/** Independent hosts without which no unit can be settled, from those that could compute the job: the best known first. */
export function voicesNeeded(state: CoordinatorState, spec: JobSpec, capable: readonly Holder[]): { voices: number; wanted: number } {
  const { verification } = spec
  if (verification.policy !== 'credibility')
    return { voices: independentOf(capable, verification.independence).length, wanted: leastResults(verification) }
  const known = capable.map((holder) => ({ holder, doubt: standingOf(state.trust, spec, holder).doubt }))
  known.sort((a, b) => a.doubt - b.doubt)
  const voices = independentOf(
    known.map(({ holder }) => holder),
    verification.independence
  )
  return { voices: voices.length, wanted: resultsWanted(state, spec, voices) }
}
