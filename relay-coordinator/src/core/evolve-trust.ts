/** What bans, reopened units and prices do to the state. */
import { emptyReduced, unreduceUnit } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import { letGo } from './hold.ts'
import { unitChanged, unitOf } from './in-flight.ts'
import type { JobEntry } from './job.ts'
import { place } from './place.ts'
import { countPaid } from './pricing.ts'
import { changeReputation } from './fleet-trust.ts'
import { dropCheckpointsOf } from './checkpoints.ts'
import { voicesOf, type Holder } from './held-lease.ts'
import { forgive, programOf, reputationKey } from './reputation.ts'
import type { CoordinatorState } from './state.ts'
import { countShare } from './subnet-share.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

/** Its leases have been taken back by events before this one; what was still open of ended ones, and results of units that are not settled, are forgotten here. */
export function banned(state: CoordinatorState, { host, cause, at }: Of<'host-banned'>): void {
  state.trust.bans.set(host, { host, cause, at, swept: false })
  const isOf = (holder: Holder): boolean => voicesOf(holder).some((voice) => voice.host === host)
  dropCheckpointsOf(state, host)
  for (const job of state.jobs.values()) {
    for (const epoch of [...job.overLeases]) {
      const lease = job.leases.get(epoch)
      if (lease !== undefined && isOf(lease.holder)) letGo(state, job, lease, false)
    }
    let changed = false
    for (const unit of job.units.values()) {
      if (!unit.results.some(({ holder }) => isOf(holder))) continue
      for (const { holder } of unit.results) if (isOf(holder)) countShare(job, holder.subnet, -1)
      unit.results = unit.results.filter(({ holder }) => !isOf(holder))
      unitChanged(job, unit)
      changed = true
    }
    if (changed) place(state, job)
  }
}

/** Its past is forgotten, good and bad. */
export function pardoned({ trust }: CoordinatorState, { host }: Of<'host-pardoned'>): void {
  trust.bans.delete(host)
  trust.accomplices.delete(host)
  for (const reputation of trust.reputations.values()) if (reputation.host === host) changeReputation(trust, reputation, forgive)
}

/** The units are as if they had never been settled, and what they earned is taken back, so that credit stays the sum over settled units. */
export function reopened(state: CoordinatorState, job: JobEntry, event: Of<'units-reopened'>): void {
  const { reduce, outputs } = job.signed.spec
  for (const { unit: number, value, votes, keep } of event.units) {
    if (!job.settled.has(number)) continue
    job.settled.delete(number)
    state.totals.validatedUnits--
    job.executions -= votes.length
    if (job.pricing !== null) countPaid(job.pricing, votes, -1)
    const reduced = unreduceUnit(reduce, outputs, job.reduced, number, value)
    job.reduced = reduced ?? emptyReduced(reduce)
    if (reduced === null) job.reduceAnew = true
    for (const { holder, verdict } of votes) {
      if (verdict === 'rejected') continue
      for (const voice of voicesOf(holder)) forgetAlone(state, job, voice, number)
      countShare(job, holder.subnet, -1)
      job.agreeing--
      state.credit.set(holder.account, (state.credit.get(holder.account) ?? 0) - job.unitMicroCredits)
      const host = state.hosts.get(holder.host)
      if (host === undefined) continue
      host.validated--
      host.microCredits -= job.unitMicroCredits
    }
    const unit = unitOf(job, number)
    unit.results = keep
    for (const { holder } of keep) countShare(job, holder.subnet, 1)
    unitChanged(job, unit)
  }
}

/** What has been paid for at the first price is paid anew. */
export function priced(state: CoordinatorState, job: JobEntry, { microCredits, paid, hosts }: Of<'job-priced'>): void {
  const difference = microCredits - job.unitMicroCredits
  for (const [account, units] of paid) state.credit.set(account, (state.credit.get(account) ?? 0) + units * difference)
  for (const [id, units] of hosts) {
    const host = state.hosts.get(id)
    if (host !== undefined) host.microCredits += units * difference
  }
  job.unitMicroCredits = microCredits
  job.pricing = null
}

function forgetAlone(
  { trust }: CoordinatorState,
  job: JobEntry,
  { host, executor }: Pick<Holder, 'host' | 'executor'>,
  unit: number
): void {
  const program = programOf(job.signed.spec, executor)
  const alone = program === null ? undefined : trust.reputations.get(reputationKey(host, executor, program))?.alone
  const index = alone?.findIndex((decided) => decided.job === job.id && decided.unit === unit) ?? -1
  if (index >= 0) alone?.splice(index, 1)
}
