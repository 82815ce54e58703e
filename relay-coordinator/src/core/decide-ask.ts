/** The decider about a host that asks for work. Where there is none, it says when to come back, and why: never an error. */
import { LEASE_UNITS_MAX, type JobId, type Lease, type ReasonCode } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import { leaseMs } from './lease-time.ts'
import { candidateOf, findWork, type Range } from './matching.ts'
import type { Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'

type Ask = Extract<Command, { type: 'ask' }>

export interface AskAnswer {
  readonly leases: readonly Lease[]
  readonly retryAfterMs: number
  readonly why?: ReasonCode
}

/** Units that a host may hold at the same time. */
export const HELD_UNITS_MAX = 8_192
const RETRY_MS = 5_000
/** Space is freed by people. */
const STORAGE_RETRY_MS = 30_000

export const decideAsk: Decider<Ask, AskAnswer> = (state, command, { now, random, policy }) => {
  const host = state.hosts.get(command.host)
  if (host === undefined) return refused('HELLO_REQUIRED', 'the host is not connected')
  const executor = host.description.executors.find((candidate) => candidate.kind === command.executor)
  if (executor === undefined) return refused('REQUEST_INVALID', `the host did not name an executor "${command.executor}"`)
  const nothing = (why: ReasonCode, retryMs = RETRY_MS) =>
    decided<AskAnswer>({ leases: [], retryAfterMs: Math.round(retryMs * (0.5 + random())), why })
  if (!policy.leasing) return nothing('storage_low', STORAGE_RETRY_MS)
  const room = HELD_UNITS_MAX - host.unitsHeld
  if (room <= 0) return nothing('lease_limit')
  const known = new Set<JobId>(command.knownJobs)
  const found = findWork(state, candidateOf(host, executor), {
    unitsOf: (job) => Math.min(room, command.units, LEASE_UNITS_MAX, unitsFor(job, command.seconds, executor.operationsPerSecond)),
    knows: (job) => known.has(job.id),
    random
  })
  if (found.job === null) return nothing(found.why)
  const { job, ranges } = found
  const holder: Holder = { host: host.host, account: host.account, subnet: host.subnet, executor: command.executor }
  const leases = ranges.map((range, index) => leaseOf(job, range, job.nextEpoch + index, holder, now))
  return decided<AskAnswer>(
    { leases, retryAfterMs: 0 },
    leases.map((lease) => ({ type: 'leased', ...lease, holder }))
  )
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
