/** What leases do to the state. */
import type { CoordinatorEvent, LeaseEnd } from './events.ts'
import { hold, letGo, renew, straggle } from './hold.ts'
import { sharing, unitChanged, unitOf, without } from './in-flight.ts'
import { leaseMs } from './lease-time.ts'
import { RangeSet } from './range-set.ts'
import type { HeldLease } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

const GIVEN_BACK: ReadonlySet<LeaseEnd> = new Set(['released', 'disconnected', 'expired'])

export function leased(state: CoordinatorState, job: JobEntry, event: Of<'leased'>): void {
  const { epoch, start, count, holder, deadline } = event
  const unreported = new RangeSet()
  unreported.add(start, count)
  const givenAt = deadline - leaseMs(job)
  const lease: HeldLease = { job: job.id, epoch, start, count, holder, givenAt, deadline, over: false, straggling: false, unreported }
  hold(state, job, lease)
  job.nextEpoch = Math.max(job.nextEpoch, epoch + 1)
  // A lease may begin with wanted units and run on into unsent ones.
  job.cursor = Math.max(job.cursor, start + count)
  const joined = sharing((epochs) => [...epochs, epoch])
  for (let number = start; number < start + count; number++) {
    const unit = unitOf(job, number)
    unit.active = joined(unit.active)
    unitChanged(job, unit)
  }
  state.ready.served(job, holder.executor, count * job.signed.spec.unitOperations, ++state.turns)
}

export function renewed(state: CoordinatorState, job: JobEntry, event: Of<'lease-renewed'>): void {
  const lease = job.leases.get(event.epoch)
  if (lease !== undefined) renew(state, lease, event.deadline)
}

/** Its open units are given to others as well; the first valid report of each wins. */
export function straggling(job: JobEntry, event: Of<'lease-straggling'>): void {
  const lease = job.leases.get(event.epoch)
  if (lease === undefined || lease.over || lease.straggling) return
  straggle(job, lease)
  const left = sharing((epochs) => without(epochs, lease.epoch))
  const joined = sharing((epochs) => [...epochs, lease.epoch])
  for (const number of lease.unreported.units()) {
    const unit = job.units.get(number)
    if (unit === undefined || !unit.active.includes(lease.epoch)) continue
    unit.active = left(unit.active)
    unit.slow = joined(unit.slow)
    unitChanged(job, unit)
  }
}

export function leaseOver(state: CoordinatorState, job: JobEntry, event: Of<'lease-over'>): void {
  const lease = job.leases.get(event.epoch)
  if (lease === undefined || lease.over) return
  if (GIVEN_BACK.has(event.cause)) state.gaveBack.set(lease.holder.host, state.turns)
  letGo(state, job, lease, event.cause === 'expired' || event.cause === 'disconnected')
  const notActive = sharing((epochs) => without(epochs, lease.epoch))
  const notSlow = sharing((epochs) => without(epochs, lease.epoch))
  for (const number of lease.unreported.units()) {
    const unit = job.units.get(number)
    if (unit === undefined) continue
    unit.active = notActive(unit.active)
    unit.slow = notSlow(unit.slow)
    unitChanged(job, unit)
  }
}
