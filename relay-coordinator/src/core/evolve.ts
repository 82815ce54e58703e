/**
 * Applies one event. The state is owned by the caller and changed in place: copying maps of 10⁵ units for each event would cost
 * more than everything else. Deterministic, so replaying the events of a run gives its state.
 */
import { emptyReduced, reduceUnit, type UnitFailure, type ReasonCode } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import { executorKey, isPassing } from './matching.ts'
import { RangeSet } from './range-set.ts'
import { newUnit, type CoordinatorState, type HeldLease, type JobEntry, type UnitInFlight } from './state.ts'
import { changeUnit, dequeueWants, queueWants } from './wants.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

/** Ended leases of a job that are remembered so that a late report of their units is still accepted. */
export const OVER_LEASES_MAX = 1_024
const MESSAGE_MAX = 2_000

export function evolve(state: CoordinatorState, event: CoordinatorEvent): CoordinatorState {
  switch (event.type) {
    case 'job-submitted':
      submitted(state, event)
      break
    case 'job-blob':
      jobOf(state, event).missingBlobs.delete(event.sha256)
      break
    case 'job-approved':
      jobOf(state, event).held = false
      break
    case 'job-state':
      stateChanged(state, event)
      break
    case 'job-restored':
      jobOf(state, event).nextEpoch = event.nextEpoch
      break
    case 'units-restored':
      restored(state, event)
      break
    case 'credit-restored':
      state.credit.set(event.account, event.microCredits)
      break
    case 'job-retired':
      jobOf(state, event).retired = true
      break
    case 'host-connected':
      connected(state, event)
      break
    case 'host-disconnected':
      disconnected(state, event)
      break
    case 'leased':
      leased(state, event)
      break
    case 'lease-renewed':
      renewed(state, event)
      break
    case 'lease-over':
      leaseOver(state, event)
      break
    case 'result':
      resultCame(state, event)
      break
    case 'failure':
      failureCame(state, event)
      break
    case 'settled':
      settled(state, event)
      break
    case 'unit-errored':
      errored(state, event)
      break
  }
  return state
}

function jobOf(state: CoordinatorState, event: { readonly job: JobEntry['id'] }): JobEntry {
  const job = state.jobs.get(event.job)
  if (job === undefined) throw new RangeError(`Cannot apply an event of the unknown job ${event.job}`)
  return job
}

function submitted(state: CoordinatorState, event: Of<'job-submitted'>): void {
  state.jobs.set(event.job, {
    id: event.job,
    signed: event.signed,
    custodial: event.custodial,
    submittedAt: event.at,
    state: event.held || event.missingBlobs.length > 0 ? 'queued' : 'running',
    stateWhy: null,
    held: event.held,
    missingBlobs: new Set(event.missingBlobs),
    cursor: 0,
    nextEpoch: 1,
    units: new Map(),
    leases: new Map(),
    wants: new Map(),
    settled: new RangeSet(),
    errored: new RangeSet(),
    notHeld: new RangeSet(),
    executions: 0,
    reduced: emptyReduced(event.signed.spec.reduce),
    firstSettledAt: null,
    endedAt: null,
    retired: false,
    settlers: new Set(),
    failures: new Map(),
    unable: new Map(),
    lastTurn: 0
  })
}

function stateChanged(state: CoordinatorState, event: Of<'job-state'>): void {
  const job = jobOf(state, event)
  job.state = event.state
  job.stateWhy = event.why ?? null
  if (event.state === 'queued' || event.state === 'running' || event.state === 'paused') return
  job.endedAt = event.at
  for (const lease of job.leases.values()) giveBack(state, lease)
  job.leases.clear()
  job.units.clear()
  job.wants.clear()
  job.unable.clear()
}

/** Units that were leased before these and never settled are free again. */
function restored(state: CoordinatorState, event: Of<'units-restored'>): void {
  const job = jobOf(state, event)
  const end = event.start + event.count
  const skipped: number[] = []
  for (let number = job.cursor; number < event.start; number++) {
    unitOf(job, number)
    skipped.push(number)
  }
  queueWants(job, skipped)
  dequeueWants(job, event.start, event.count)
  for (const number of [...job.units.keys()]) if (number >= event.start && number < end) closeUnit(state, job, number)
  job.cursor = Math.max(job.cursor, end)
  job.settled.add(event.start, event.count)
  job.notHeld.add(event.start, event.count)
  job.firstSettledAt ??= event.at
}

function connected(state: CoordinatorState, event: Of<'host-connected'>): void {
  const known = state.hosts.get(event.host)
  const { host, account, label, description, subnet, at } = event
  if (known !== undefined && known.account === account) {
    Object.assign(known, { label, description, subnet, connected: true, lastSeenAt: at })
    return
  }
  const unitsHeld = known?.unitsHeld ?? 0
  state.hosts.set(host, {
    host,
    account,
    label,
    description,
    subnet,
    connected: true,
    lastSeenAt: at,
    unitsHeld,
    validated: 0,
    rejected: 0,
    failed: 0,
    microCredits: 0
  })
}

function disconnected(state: CoordinatorState, event: Of<'host-disconnected'>): void {
  const host = state.hosts.get(event.host)
  if (host !== undefined) Object.assign(host, { connected: false, lastSeenAt: event.at })
}

function leased(state: CoordinatorState, event: Of<'leased'>): void {
  const job = jobOf(state, event)
  const { epoch, start, count, holder, deadline } = event
  const numbers = Array.from({ length: count }, (_, index) => start + index)
  job.leases.set(epoch, { epoch, start, count, holder, deadline, over: false, unreported: new Set(numbers) })
  job.nextEpoch = Math.max(job.nextEpoch, epoch + 1)
  job.lastTurn = ++state.turns
  // A lease may begin with wanted units and run on into unsent ones.
  if (start < job.cursor) dequeueWants(job, start, Math.min(count, job.cursor - start))
  job.cursor = Math.max(job.cursor, start + count)
  for (const number of numbers) unitOf(job, number).active.add(epoch)
  queueWants(job, numbers)
  const host = state.hosts.get(holder.host)
  if (host !== undefined) host.unitsHeld += count
}

function unitOf(job: JobEntry, number: number): UnitInFlight {
  const known = job.units.get(number)
  if (known !== undefined) return known
  const unit = newUnit()
  job.units.set(number, unit)
  return unit
}

function renewed(state: CoordinatorState, event: Of<'lease-renewed'>): void {
  const lease = jobOf(state, event).leases.get(event.epoch)
  if (lease !== undefined) lease.deadline = event.deadline
}

function leaseOver(state: CoordinatorState, event: Of<'lease-over'>): void {
  const job = jobOf(state, event)
  const lease = job.leases.get(event.epoch)
  if (lease === undefined || lease.over) return
  giveBack(state, lease)
  lease.over = true
  const returned = [...lease.unreported]
  const wanting = returned.filter((number) => {
    const unit = job.units.get(number)
    return unit !== undefined && changeUnit(job, number, unit, () => unit.active.delete(lease.epoch))
  })
  const keepForLate = (event.cause === 'expired' || event.cause === 'disconnected') && returned.length > 0
  if (!keepForLate) job.leases.delete(lease.epoch)
  else forgetOldest(job)
  queueWants(job, wanting)
}

/** The host no longer holds the unreported units of this lease. */
function giveBack(state: CoordinatorState, lease: HeldLease): void {
  const host = state.hosts.get(lease.holder.host)
  if (host !== undefined && !lease.over) host.unitsHeld -= lease.unreported.size
}

function forgetOldest(job: JobEntry): void {
  let over = 0
  for (const lease of job.leases.values()) if (lease.over) over++
  for (const lease of job.leases.values()) {
    if (over <= OVER_LEASES_MAX) return
    if (!lease.over) continue
    job.leases.delete(lease.epoch)
    over--
  }
}

function resultCame(state: CoordinatorState, event: Of<'result'>): void {
  const job = jobOf(state, event)
  const unit = unitOf(job, event.unit)
  job.unable.delete(executorKey(event.result.holder))
  reported(state, job, event.unit, event.result.epoch, unit, () => unit.results.push(event.result))
}

function failureCame(state: CoordinatorState, event: Of<'failure'>): void {
  const job = jobOf(state, event)
  const unit = unitOf(job, event.unit)
  const { attempt } = event
  const key = executorKey(attempt.holder)
  if (!isPassing(attempt.reason)) job.unable.set(key, (job.unable.get(key) ?? 0) + 1)
  countFailure(job, attempt.reason, attempt.message, attempt.holder.host)
  const host = state.hosts.get(attempt.holder.host)
  if (host !== undefined) host.failed++
  reported(state, job, event.unit, attempt.epoch, unit, () => unit.failures.push(attempt))
}

function countFailure(job: JobEntry, reason: UnitFailure | ReasonCode, message: string, host: string): void {
  const known = job.failures.get(reason)
  job.failures.set(reason, { units: (known?.units ?? 0) + 1, message: message.slice(0, MESSAGE_MAX) || (known?.message ?? ''), host })
}

/** The unit's execution under this epoch has ended; it may want another one, or no longer want one. */
function reported(state: CoordinatorState, job: JobEntry, number: number, epoch: number, unit: UnitInFlight, record: () => void): void {
  const wants = changeUnit(job, number, unit, () => {
    unit.active.delete(epoch)
    record()
  })
  if (wants) queueWants(job, [number])
  const lease = job.leases.get(epoch)
  if (lease?.unreported.delete(number) !== true) return
  const host = state.hosts.get(lease.holder.host)
  if (host !== undefined && !lease.over) host.unitsHeld--
  if (lease.over && lease.unreported.size === 0) job.leases.delete(epoch)
}

function settled(state: CoordinatorState, event: Of<'settled'>): void {
  const job = jobOf(state, event)
  closeUnit(state, job, event.unit)
  job.settled.add(event.unit)
  job.executions += event.votes.length
  job.firstSettledAt ??= event.at
  const { reduce, outputs } = job.signed.spec
  job.reduced = reduceUnit(reduce, outputs, job.reduced, event.unit, event.value)
  for (const vote of event.votes) {
    const host = state.hosts.get(vote.holder.host)
    if (vote.verdict === 'rejected') {
      if (host !== undefined) host.rejected++
      continue
    }
    if (job.settlers.size < 2) job.settlers.add(vote.holder.host)
    state.credit.set(vote.holder.account, (state.credit.get(vote.holder.account) ?? 0) + event.microCredits)
    if (host === undefined) continue
    host.validated++
    host.microCredits += event.microCredits
  }
}

function errored(state: CoordinatorState, event: Of<'unit-errored'>): void {
  const job = jobOf(state, event)
  closeUnit(state, job, event.unit)
  job.errored.add(event.unit)
  countFailure(job, event.reason, '', '')
}

/** Forgets the unit; whoever still computes it has nothing left to report. */
function closeUnit(state: CoordinatorState, job: JobEntry, number: number): void {
  const unit = job.units.get(number)
  if (unit === undefined) return
  for (const epoch of unit.active) {
    const lease = job.leases.get(epoch)
    if (lease?.unreported.delete(number) !== true) continue
    const host = state.hosts.get(lease.holder.host)
    if (host !== undefined) host.unitsHeld--
    if (lease.unreported.size === 0) job.leases.delete(epoch)
  }
  job.units.delete(number)
}
