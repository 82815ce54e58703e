/** What reports do to the state: results, failures, settled and errored units. */
import { reduceUnit, type ReasonCode, type UnitFailure } from '@peercompute/job-specs'
import { classOf, learnFailure, learnSuccess } from './ability.ts'
import type { CoordinatorEvent } from './events.ts'
import { executorKey } from './exclusion.ts'
import { unitDone } from './hold.ts'
import { learnFromVotes } from './learn-votes.ts'
import { closeUnit, unitChanged, unitOf, without } from './in-flight.ts'
import { dropCheckpoint } from './checkpoints.ts'
import { isResumed, type Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { countPaid, measuredOperations } from './pricing.ts'
import type { CoordinatorState } from './state.ts'
import { countShare } from './subnet-share.ts'
import type { UnitInFlight } from './unit.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

const MESSAGE_MAX = 2_000

export function resultCame(state: CoordinatorState, job: JobEntry, event: Of<'result'>): void {
  const { epoch, holder, numericClass, computeMs, at } = event.result
  const unit = unitOf(job, event.unit)
  learnSuccess(job, holder, classOf(holder.executor, numericClass))
  if (!isResumed(holder)) state.runtimes.add(job.signed.spec, holder.executor, numericClass, computeMs)
  unit.results = [...unit.results, event.result]
  countShare(job, holder.subnet, 1)
  reported(state, job, unit, epoch, holder, at)
}

export function failureCame(state: CoordinatorState, job: JobEntry, event: Of<'failure'>): void {
  const { attempt } = event
  const { epoch, holder, reason, message } = attempt
  const unit = unitOf(job, event.unit)
  countFailure(job, reason, message, holder.host)
  // It may be the foreign state's failure: the next execution begins at the unit's beginning.
  if (isResumed(holder)) dropCheckpoint(state, job, event.unit)
  else {
    learnFailure(job, holder, reason, classOf(holder.executor, event.numericClass ?? ''))
    const host = state.hosts.get(holder.host)
    if (host !== undefined && reason !== 'verifier_failed') host.failed++
  }
  unit.failures = [...unit.failures, attempt]
  reported(state, job, unit, epoch, holder, event.at)
}

function countFailure(job: JobEntry, reason: UnitFailure | ReasonCode, message: string, host: string): void {
  const known = job.failures.get(reason)
  job.failures.set(reason, { units: (known?.units ?? 0) + 1, message: message.slice(0, MESSAGE_MAX) || (known?.message ?? ''), host })
}

/** The unit's execution under this epoch has ended; it may want another one, or no longer want one. */
function reported(state: CoordinatorState, job: JobEntry, unit: UnitInFlight, epoch: number, holder: Holder, at: number): void {
  state.heardAt.set(executorKey(holder), at)
  unit.active = without(unit.active, epoch)
  unit.slow = without(unit.slow, epoch)
  unitChanged(job, unit, true)
  const lease = job.leases.get(epoch)
  if (lease !== undefined) unitDone(state, job, lease, unit.number)
}

export function settled(state: CoordinatorState, job: JobEntry, event: Of<'settled'>): void {
  closeUnit(state, job, event.unit)
  job.settled.add(event.unit)
  state.totals.validatedUnits++
  job.executions += event.votes.length
  job.firstSettledAt ??= event.at
  learnFromVotes(state, job, event)
  if (job.pricing !== null) {
    job.pricing.operations.push(measuredOperations(state, job.signed.spec, event.votes))
    countPaid(job.pricing, event.votes, 1)
  }
  const { reduce, outputs } = job.signed.spec
  job.reduced = reduceUnit(reduce, outputs, job.reduced, event.unit, event.value)
  for (const vote of event.votes) {
    const host = state.hosts.get(vote.holder.host)
    if (vote.verdict === 'rejected') {
      if (host !== undefined) host.rejected++
      continue
    }
    countShare(job, vote.holder.subnet, 1)
    if (job.settlers.size < 2) job.settlers.add(vote.holder.host)
    job.agreeing++
    state.credit.set(vote.holder.account, (state.credit.get(vote.holder.account) ?? 0) + event.microCredits)
    if (host === undefined) continue
    host.validated++
    host.microCredits += event.microCredits
  }
}

export function errored(state: CoordinatorState, job: JobEntry, event: Of<'unit-errored'>): void {
  closeUnit(state, job, event.unit)
  job.errored.add(event.unit)
  countFailure(job, event.reason, '', '')
}
