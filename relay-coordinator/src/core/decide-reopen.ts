/** Deciders about units that are no longer believed. */
import type { Command } from './commands.ts'
import { decidedOnlyByBanned, isVouchedFor } from './consequences.ts'
import { decided, refused, type Decider } from './decision.ts'
import type { CoordinatorEvent, ReopenedUnit } from './events.ts'
import { voicesOf } from './held-lease.ts'
import { isOpen } from './place.ts'
import type { SettledUnit } from './store.ts'
import type { CoordinatorState } from './state.ts'
import type { PendingResult } from './unit.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/**
 * `doubted`: the units stay with the votes that they have, and others join them. `banned`: units that only banned hosts decided, of which
 * nothing stays. Units that are no longer settled, or that somebody believed stands behind, are passed over. Answer: those reopened.
 */
export const decideReopen: Decider<Of<'reopen'>, { readonly units: readonly number[] }> = (state, { job: id, cause, units }, { now }) => {
  const job = state.jobs.get(id)
  if (job === undefined) return refused('JOB_NOT_FOUND', `no job has the id ${id}`)
  if (job.retired || job.state === 'cancelled') return decided({ units: [] })
  const stands = isVouchedFor(state.trust, job)
  const reopened = units
    .filter(({ unit }) => job.settled.has(unit) && !job.notHeld.has(unit))
    .filter(({ votes }) => cause === 'doubted' || (!stands && decidedOnlyByBanned(state, votes)))
    .map((settled): ReopenedUnit => ({
      unit: settled.unit,
      value: settled.value,
      votes: settled.votes,
      keep: cause === 'banned' ? [] : kept(state, settled, now)
    }))
  if (reopened.length === 0) return decided({ units: [] })
  const events: CoordinatorEvent[] = []
  // What had been complete is not any more.
  if (!isOpen(job)) events.push({ type: 'job-state', job: id, state: 'running', at: now, why: 'units_reopened' })
  events.push({ type: 'units-reopened', job: id, cause, units: reopened, microCredits: job.unitMicroCredits, at: now })
  return decided({ units: reopened.map(({ unit }) => unit) }, events)
}

export const decideBanSwept: Decider<Of<'ban-swept'>, null> = (_state, { host }) => decided(null, [{ type: 'ban-swept', host }])

export const decideReduceAnew: Decider<Of<'reduce-anew'>, null> = (_state, { job, reduced }) =>
  decided(null, [{ type: 'reduced-anew', job, reduced }])

/** Lifts a ban. A host that is not banned stays as it is. */
export const decidePardon: Decider<Of<'pardon'>, { readonly pardoned: boolean }> = (state, { host }, { now }) => {
  const pardoned = state.trust.bans.has(host)
  return decided({ pardoned }, pardoned ? [{ type: 'host-pardoned', host, at: now }] : [])
}

/** The votes of believed hosts as results again. Only of identical values is the value known; the others are asked for anew. */
function kept({ trust }: CoordinatorState, { votes, value, digest }: SettledUnit, now: number): readonly PendingResult[] {
  return votes.flatMap(({ epoch, holder, numericClass, probeVersion, digest: own, computeMs }): PendingResult[] =>
    own === digest && !voicesOf(holder).some(({ host }) => trust.bans.has(host))
      ? [{ epoch, holder, numericClass, probeVersion, digest, value, computeMs, at: now }]
      : []
  )
}
