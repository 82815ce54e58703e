/** Deciders about leases that are given: renew, release, connect, disconnect, expire. */
import type { JobId } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, type Decider } from './decision.ts'
import type { CoordinatorEvent, LeaseEnd } from './events.ts'
import { executorKey } from './exclusion.ts'
import { leaseMs } from './lease-time.ts'
import type { HeldLease } from './held-lease.ts'
import type { CoordinatorState } from './state.ts'
import { stragglers } from './straggler.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

export const decideRenew: Decider<Of<'renew'>, readonly { job: JobId; epoch: number; durationMs: number }[]> = (
  state,
  command,
  { now }
) => {
  const events: CoordinatorEvent[] = []
  const answer = command.leases.map(({ job: id, epoch }) => {
    const job = state.jobs.get(id)
    const lease = job?.leases.get(epoch)
    if (job === undefined || lease === undefined || lease.over || lease.holder.host !== command.host)
      return { job: id, epoch, durationMs: 0 }
    events.push({ type: 'lease-renewed', job: id, epoch, deadline: now + leaseMs(job) })
    return { job: id, epoch, durationMs: leaseMs(job) }
  })
  return decided(answer, events)
}

export const decideRelease: Decider<Of<'release'>, null> = (state, command) => {
  const lease = state.jobs.get(command.job)?.leases.get(command.epoch)
  if (lease === undefined || lease.over || lease.holder.host !== command.host) return decided(null)
  return decided(null, [{ type: 'lease-over', job: command.job, epoch: command.epoch, cause: 'released' }])
}

/**
 * A host that comes back claims what it still holds by renewing it at once. What it has not claimed after this time died with its
 * process, as when coordinator and volunteer are killed together; waiting for the deadline would leave the job at rest for a minute.
 */
export const CLAIM_MS = 3_000

export const decideConnect: Decider<Of<'connect'>, null> = (state, { host }, { now }) => {
  const deadline = now + CLAIM_MS
  const unclaimed = [...(state.leasesOf.get(host.host) ?? [])].filter((lease) => lease.deadline > deadline)
  return decided(null, [
    {
      type: 'host-connected',
      host: host.host,
      account: host.account,
      label: host.label,
      description: host.description,
      subnet: host.subnet,
      ...(host.resumes === true ? { resumes: true as const } : {}),
      at: now
    },
    ...unclaimed.map(({ job, epoch }): CoordinatorEvent => ({ type: 'lease-renewed', job, epoch, deadline }))
  ])
}

export const decideDisconnect: Decider<Of<'disconnect'>, null> = (state, { host }, { now }) => {
  if (state.hosts.get(host)?.connected !== true) return decided(null)
  const deadline = now + RETURN_MS
  const events = [...(state.leasesOf.get(host) ?? [])].flatMap((lease): CoordinatorEvent[] => {
    if (!hasStateToLose(state, lease, now)) return [over(lease, 'disconnected')]
    return lease.deadline <= deadline ? [] : [{ type: 'lease-renewed', job: lease.job, epoch: lease.epoch, deadline }]
  })
  return decided(null, [...events, { type: 'host-disconnected', host, at: now }])
}

/** How long a closed tab or a killed program may take to be there again and go on with what it had saved. */
export const RETURN_MS = 30_000
/** Of work on units that have not been reported. With less of it, others begin sooner than the host is back. */
const WORTH_WAITING_MS = 5_000

function hasStateToLose(state: CoordinatorState, lease: HeldLease, now: number): boolean {
  if (state.hosts.get(lease.holder.host)?.resumes !== true) return false
  return now - Math.max(lease.givenAt, state.heardAt.get(executorKey(lease.holder)) ?? 0) >= WORTH_WAITING_MS
}

/** Looks only at leases that are due, and at the oldest of jobs that wait for their last units. */
export const decideExpire: Decider<Of<'expire'>, null> = (state, _command, { now }) => {
  const events = state.deadlines.due(now).map((lease) => over(lease, 'expired'))
  for (const id of state.tails) {
    const job = state.jobs.get(id)
    if (job === undefined) continue
    for (const { epoch } of stragglers(state, job, now)) events.push({ type: 'lease-straggling', job: id, epoch })
  }
  return decided(null, events)
}

function over({ job, epoch }: HeldLease, cause: LeaseEnd): CoordinatorEvent {
  return { type: 'lease-over', job, epoch, cause }
}
