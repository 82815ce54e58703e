/** What the votes on a settled unit say of their hosts. */
import type { CoordinatorEvent } from './events.ts'
import { addReputation, changeReputation, haveColluded } from './fleet-trust.ts'
import { isResumed, voicesOf, type Voice } from './held-lease.ts'
import { dependent } from './independence.ts'
import type { JobEntry } from './job.ts'
import { knownReputation } from './judging.ts'
import { decidedAlone, hasDiffered, hasExecuted, hasFailed, hasPassed, programOf, reputationFrom, type Reputation } from './reputation.ts'
import type { CoordinatorState } from './state.ts'

type Settled = Extract<CoordinatorEvent, { type: 'settled' }>

export function learnFromVotes(state: CoordinatorState, job: JobEntry, { unit, votes, faults }: Settled): void {
  const { trust } = state
  const { policy, independence } = job.signed.spec.verification
  const agreeing = votes.filter(({ verdict }) => verdict !== 'rejected')
  for (const { holder } of agreeing) {
    if (isResumed(holder)) {
      // Neither has shown anything by it. Whoever of them is found to fail later brings the unit back.
      for (const voice of voicesOf(holder)) {
        const known = reputationOf(state, job, voice)
        if (known === null) continue
        if (agreeing.length === 1) decidedAlone(known, job.id, unit)
        if (voice === holder) changeReputation(trust, known, hasExecuted)
      }
      continue
    }
    const reputation = reputationOf(state, job, holder)
    if (reputation === null) continue
    if (agreeing.length === 1) decidedAlone(reputation, job.id, unit)
    const isSeconded = agreeing.some((other) => other.holder.host !== holder.host && !dependent(other.holder, holder, independence))
    changeReputation(trust, reputation, isSeconded || policy === 'verifier' ? hasPassed : hasExecuted)
  }
  if (policy === 'verifier' && votes.length > agreeing.length) trust.fooled.add(job.id)
  if (faults === undefined) return
  const witnesses = agreeing.flatMap(({ holder }) => (isResumed(holder) ? [] : [holder]))
  for (const { holder, telling, accomplices } of faults) {
    const reputation = reputationOf(state, job, holder)
    if (reputation === null) continue
    changeReputation(trust, reputation, (losing) => {
      if (telling) hasFailed(losing, { job: job.id, unit, witnesses }, accomplices.length > 0)
      else hasDiffered(losing)
    })
    for (const accomplice of accomplices) haveColluded(trust, holder.host, accomplice)
  }
}

export function reputationOf(
  state: CoordinatorState,
  job: JobEntry,
  { host, executor }: Pick<Voice, 'host' | 'executor'>
): Reputation | null {
  const program = programOf(job.signed.spec, executor)
  if (program === null) return null
  const known = knownReputation(state, job.signed.spec, { host, executor })
  if (known !== undefined) return known
  const fresh = reputationFrom({ host, executor, program, passed: 0, checks: 0, failures: 0, colluded: 0 })
  addReputation(state.trust, fresh)
  return fresh
}
