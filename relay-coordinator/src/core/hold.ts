/** Who holds what: leases from the moment when they are given until nothing of them is open, with the indexes over them. */
import type { HeldLease, Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'
import { countShare } from './subnet-share.ts'

/** Ended leases of a job that are remembered so that a late report of their units is still accepted. */
export const OVER_LEASES_MAX = 1_024

/** The lease has been given, or comes back from the store. */
export function hold(state: CoordinatorState, job: JobEntry, lease: HeldLease): void {
  job.leases.set(lease.epoch, lease)
  if (lease.over) {
    remember(job, lease)
    return
  }
  const { host } = lease.holder
  const held = state.leasesOf.get(host)
  if (held === undefined) state.leasesOf.set(host, new Set([lease]))
  else held.add(lease)
  state.deadlines.add(lease)
  if (!lease.straggling) sit(job, lease)
  countUnits(state, job, lease.holder, lease.unreported.size)
}

export function renew(state: CoordinatorState, lease: HeldLease, deadline: number): void {
  if (!lease.over) state.deadlines.delete(lease)
  lease.deadline = deadline
  if (!lease.over) state.deadlines.add(lease)
}

/** It goes on, without being counted on. */
export function straggle(job: JobEntry, lease: HeldLease): void {
  if (lease.over || lease.straggling) return
  lease.straggling = true
  stand(job, lease)
}

/** The host no longer has it. `keep`: a late report is still welcome. */
export function letGo(state: CoordinatorState, job: JobEntry, lease: HeldLease, keep: boolean): void {
  if (!lease.over) {
    const { host } = lease.holder
    const held = state.leasesOf.get(host)
    held?.delete(lease)
    if (held?.size === 0) state.leasesOf.delete(host)
    state.deadlines.delete(lease)
    if (!lease.straggling) stand(job, lease)
    countUnits(state, job, lease.holder, -lease.unreported.size)
    lease.over = true
  }
  job.overLeases.delete(lease.epoch)
  if (keep && lease.unreported.size > 0) remember(job, lease)
  else job.leases.delete(lease.epoch)
}

/** One unit of the lease is no longer awaited from it. */
export function unitDone(state: CoordinatorState, job: JobEntry, lease: HeldLease, number: number): void {
  if (!lease.unreported.delete(number)) return
  if (!lease.over) countUnits(state, job, lease.holder, -1)
  if (lease.unreported.size === 0) letGo(state, job, lease, false)
}

function remember(job: JobEntry, lease: HeldLease): void {
  job.overLeases.add(lease.epoch)
  if (job.overLeases.size <= OVER_LEASES_MAX) return
  for (const oldest of job.overLeases) {
    job.overLeases.delete(oldest)
    job.leases.delete(oldest)
    return
  }
}

function sit(job: JobEntry, lease: HeldLease): void {
  job.running.add(lease)
  job.seats.set(lease.holder.host, (job.seats.get(lease.holder.host) ?? 0) + 1)
}

function stand(job: JobEntry, lease: HeldLease): void {
  const { host } = lease.holder
  job.running.delete(lease)
  const left = (job.seats.get(host) ?? 0) - 1
  if (left > 0) job.seats.set(host, left)
  else job.seats.delete(host)
}

function countUnits(state: CoordinatorState, job: JobEntry, { host: id, subnet }: Holder, change: number): void {
  if (change === 0) return
  countShare(job, subnet, change)
  const host = state.hosts.get(id)
  if (host === undefined) return
  const before = isComputing(host)
  host.unitsHeld += change
  state.totals.computing += Number(isComputing(host)) - Number(before)
}

export function isComputing(host: { readonly connected: boolean; readonly unitsHeld: number }): boolean {
  return host.connected && host.unitsHeld > 0
}
