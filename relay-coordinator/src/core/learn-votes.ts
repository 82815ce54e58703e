/** What the votes on a settled unit say of their hosts. */
import type { CoordinatorEvent } from './events.ts'
import type { JobEntry } from './job.ts'
import { programOf, reputationKey, type Reputation } from './reputation.ts'
import type { Holder } from './held-lease.ts'
import type { CoordinatorState } from './state.ts'

/** Units decided alone that are remembered of a host. */
const ALONE_MAX = 32

export function learnFromVotes(
  state: CoordinatorState,
  job: JobEntry,
  { unit, votes }: Extract<CoordinatorEvent, { type: 'settled' }>
): void {
  const agreeing = votes.filter(({ verdict }) => verdict !== 'rejected').length
  for (const { holder, verdict } of votes) {
    const reputation = reputationOf(state, job, holder)
    if (reputation === null) continue
    if (votes.length === 1) {
      reputation.alone.push({ job: job.id, unit })
      if (reputation.alone.length > ALONE_MAX) reputation.alone.shift()
      continue
    }
    reputation.checks++
    if (verdict === 'rejected') {
      reputation.failures++
      reputation.passed = 0
    } else if (agreeing > 1) reputation.passed++
  }
}

export function reputationOf(state: CoordinatorState, job: JobEntry, { host, executor }: Holder): Reputation | null {
  const program = programOf(job.signed.spec, executor)
  if (program === null) return null
  const key = reputationKey(host, executor, program)
  const known = state.trust.reputations.get(key)
  if (known !== undefined) return known
  const fresh: Reputation = { host, executor, program, passed: 0, checks: 0, failures: 0, colluded: 0, alone: [] }
  state.trust.reputations.set(key, fresh)
  return fresh
}
