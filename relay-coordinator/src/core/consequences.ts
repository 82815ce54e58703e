/** What follows for units that are settled already, when hosts turn out to be liars or broken. Read by whoever holds the store. */
import { kernelExecutors, type HostId, type JobId } from '@peercompute/job-specs'
import type { CoordinatorEvent, Vote } from './events.ts'
import type { FleetTrust } from './fleet-trust.ts'
import { voicesOf } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { knownReputation } from './judging.ts'
import type { Reputation } from './reputation.ts'
import type { CoordinatorState } from './state.ts'

/** Settled units to be computed once more, their votes kept: command `reopen` with cause `doubted`. */
export interface Audit {
  readonly job: JobId
  readonly units: readonly number[]
}

/** Units of one host that one failure brings back, the latest first: what it does now is most like what it did last. */
export const AUDITED_UNITS = 10
/** Hosts of one connected group that are looked at. */
const GROUP_MAX = 64

/**
 * Those that became due with these events; `state` is the state after them. Each unit is named once. A host that has failed: some of what
 * it decided alone. One that had the same wrong answer as another: the same for all who are connected with it by such answers.
 */
export function auditsDue(state: CoordinatorState, events: readonly CoordinatorEvent[]): readonly Audit[] {
  const due = new Map<JobId, Set<number>>()
  for (const event of events) {
    if (event.type !== 'settled' || event.faults === undefined) continue
    const job = state.jobs.get(event.job)
    if (job === undefined) continue
    for (const { holder, telling, accomplices, saved } of event.faults) {
      if (!telling && saved !== true) continue
      audit(state, knownReputation(state, job.signed.spec, holder), due)
      if (accomplices.length === 0) continue
      for (const host of connectedWith(state, holder.host))
        for (const executor of kernelExecutors(job.signed.spec.kernel))
          audit(state, knownReputation(state, job.signed.spec, { host, executor }), due)
    }
  }
  return [...due].map(([job, units]) => ({ job, units: [...units] }))
}

function audit({ trust, jobs }: CoordinatorState, reputation: Reputation | undefined, due: Map<JobId, Set<number>>): void {
  if (reputation === undefined || trust.bans.has(reputation.host)) return
  for (const { job: id, unit } of reputation.alone.slice(-AUDITED_UNITS)) {
    const job = jobs.get(id)
    if (job === undefined || !job.settled.has(unit) || isVouchedFor(trust, job)) continue
    const units = due.get(id)
    if (units === undefined) due.set(id, new Set([unit]))
    else units.add(unit)
  }
}

/** Hosts that this one is connected with by wrong answers that agreed, itself left out. */
function connectedWith({ trust }: CoordinatorState, host: HostId): ReadonlySet<HostId> {
  const group = new Set([host])
  for (const member of group) {
    for (const accomplice of trust.accomplices.get(member) ?? []) if (group.size < GROUP_MAX) group.add(accomplice)
  }
  group.delete(host)
  return group
}

/** Whoever computed its units: the job's own check has passed them, and has not been found to pass what is wrong. */
export function isVouchedFor({ fooled }: FleetTrust, { id, signed }: JobEntry): boolean {
  return signed.spec.verification.policy === 'verifier' && !fooled.has(id)
}

/** Nobody who is still believed stands behind the unit: after a ban it is reopened with cause `banned`. */
export function decidedOnlyByBanned({ trust }: CoordinatorState, votes: readonly Vote[]): boolean {
  return votes.every(({ holder, verdict }) => verdict === 'rejected' || voicesOf(holder).some(({ host }) => trust.bans.has(host)))
}

/** Banned hosts whose settled units have not been looked through, oldest ban first. `ban-swept` tells that one has. */
export function unsweptBans({ trust }: CoordinatorState): readonly HostId[] {
  return [...trust.bans.values()].filter(({ swept }) => !swept).map(({ host }) => host)
}
