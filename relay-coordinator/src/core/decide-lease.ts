/** Deciders about leases: ask, renew, release, connect, disconnect, expire. */
import { LEASE_UNITS_MAX, type JobId, type Lease, type ReasonCode } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import type { CoordinatorEvent, LeaseEnd } from './events.ts'
import { matchJob, type Range } from './matching.ts'
import type { HeldLease, Holder, HostEntry, JobEntry } from './state.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

export interface AskAnswer {
  readonly leases: readonly Lease[]
  readonly retryAfterMs: number
  readonly why?: ReasonCode
}

/** A lease that is not renewed ends after this. Hosts renew at a third of it. */
export const LEASE_MS = 60_000
/** Units that a host may hold at the same time. */
export const HELD_UNITS_MAX = 8_192
const RETRY_MS = 5_000

/** Specific reasons outrank general ones when several jobs had nothing. */
const WHY_RANK = ['independence_unmet', 'no_matching_work', 'no_work_available'] as const

export const decideAsk: Decider<Of<'ask'>, AskAnswer> = (state, command, { now, random }) => {
  const host = state.hosts.get(command.host)
  if (host === undefined) return refused('HELLO_REQUIRED', 'the host is not connected')
  const executor = host.description.executors.find((candidate) => candidate.kind === command.executor)
  if (executor === undefined) return refused('REQUEST_INVALID', `the host did not name an executor "${command.executor}"`)
  const retryAfterMs = Math.round(RETRY_MS * (0.5 + random()))
  const room = HELD_UNITS_MAX - host.unitsHeld
  if (room <= 0) return decided({ leases: [], retryAfterMs, why: 'lease_limit' })

  const holder: Holder = { host: host.host, account: host.account, subnet: host.subnet, executor: command.executor }
  const nothing = new Set<string>()
  const running = [...state.jobs.values()].filter((job) => job.state === 'running').sort((a, b) => a.lastTurn - b.lastTurn)
  for (const job of running) {
    const most = Math.min(room, command.units, LEASE_UNITS_MAX, unitsFor(job, command.seconds, executor.operationsPerSecond))
    const match = matchJob(job, holder, most)
    if (match.kind === 'nothing') {
      nothing.add(match.why)
      continue
    }
    const leases = match.ranges.map((range, index) => leaseOf(job, range, job.nextEpoch + index, holder, now))
    return decided(
      { leases, retryAfterMs: 0 },
      leases.map((lease) => ({ type: 'leased', ...lease, holder }))
    )
  }
  return decided({ leases: [], retryAfterMs, why: WHY_RANK.find((why) => nothing.has(why)) ?? 'no_work_available' })
}

/** Units that fill `seconds` on a host of this speed; at least one. Without a wish or a speed, as many as asked for. */
function unitsFor(job: JobEntry, seconds: number, operationsPerSecond: number): number {
  if (seconds === 0 || operationsPerSecond === 0) return LEASE_UNITS_MAX
  return Math.max(1, Math.floor((seconds * operationsPerSecond) / job.signed.spec.unitOperations))
}

function leaseOf(job: JobEntry, range: Range, epoch: number, holder: Holder, now: number): Lease {
  const durationMs = leaseMs(job)
  return { job: job.id, start: range.start, count: range.count, epoch, executor: holder.executor, deadline: now + durationMs, durationMs }
}

/** Never shorter than two units may take, so that a slow host can renew between them. */
function leaseMs(job: JobEntry): number {
  return Math.min(86_400_000, Math.max(LEASE_MS, Math.ceil(job.signed.spec.limits.unitSeconds * 2_000)))
}

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
  const unclaimed = [...state.jobs.values()].flatMap((job) =>
    [...job.leases.values()]
      .filter((lease) => !lease.over && lease.holder.host === host.host && lease.deadline > deadline)
      .map(({ epoch }) => ({ type: 'lease-renewed' as const, job: job.id, epoch, deadline }))
  )
  return decided(null, [
    {
      type: 'host-connected',
      host: host.host,
      account: host.account,
      label: host.label,
      description: host.description,
      subnet: host.subnet,
      at: now
    },
    ...unclaimed
  ])
}

export const decideDisconnect: Decider<Of<'disconnect'>, null> = (state, { host }, { now }) => {
  const entry: HostEntry | undefined = state.hosts.get(host)
  if (entry === undefined || !entry.connected) return decided(null)
  return decided(null, [
    ...endLeases(state.jobs.values(), 'disconnected', (lease) => lease.holder.host === host),
    { type: 'host-disconnected', host, at: now }
  ])
}

export const decideExpire: Decider<Of<'expire'>, null> = (state, _command, { now }) =>
  decided(
    null,
    endLeases(state.jobs.values(), 'expired', (lease) => lease.deadline <= now)
  )

function endLeases(jobs: Iterable<JobEntry>, cause: LeaseEnd, ends: (lease: HeldLease) => boolean): CoordinatorEvent[] {
  const events: CoordinatorEvent[] = []
  for (const job of jobs) {
    for (const lease of job.leases.values())
      if (!lease.over && ends(lease)) events.push({ type: 'lease-over', job: job.id, epoch: lease.epoch, cause })
  }
  return events
}
