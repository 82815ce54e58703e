/** The decider about a host that asks for work. Where there is none, it says when to come back, and why: never an error. */
import { LEASE_UNITS_MAX, type ContentHash, type JobId, type Lease, type ReasonCode } from '@peercompute/job-specs'
import { isFull, roomOf } from './allowance.ts'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import { handOver } from './hand-over.ts'
import { isSuspect } from './judging.ts'
import { leaseMs } from './lease-time.ts'
import { candidateOf, findWork, type Range } from './matching.ts'
import { fleetOf } from './mixing.ts'
import type { Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'

type Ask = Extract<Command, { type: 'ask' }>

export interface AskAnswer {
  readonly leases: readonly Lease[]
  readonly retryAfterMs: number
  readonly why?: ReasonCode
}

const RETRY_MS = 5_000
/** Space is freed by people. */
const STORAGE_RETRY_MS = 30_000
/** Only the operator can change it. */
const BANNED_RETRY_MS = 600_000

export const decideAsk: Decider<Ask, AskAnswer> = (state, command, { now, random, policy }) => {
  const host = state.hosts.get(command.host)
  if (host === undefined) return refused('HELLO_REQUIRED', 'the host is not connected')
  const executor = host.description.executors.find((candidate) => candidate.kind === command.executor)
  if (executor === undefined) return refused('REQUEST_INVALID', `the host did not name an executor "${command.executor}"`)
  const nothing = (why: ReasonCode, retryMs = RETRY_MS) =>
    decided<AskAnswer>({ leases: [], retryAfterMs: Math.round(retryMs * (0.5 + random())), why })
  if (!policy.leasing) return nothing('storage_low', STORAGE_RETRY_MS)
  if (state.trust.bans.has(host.host)) return nothing('host_banned', BANNED_RETRY_MS)
  const room = roomOf(state, host, command.executor)
  if (isFull(room)) return nothing('lease_limit')
  const candidate = candidateOf(host, executor)
  const known = new Set<JobId>(command.knownJobs)
  const found = findWork(state, candidate, {
    roomIn: (job) => {
      const { spec } = job.signed
      const { leases, units } = isSuspect(state, candidate.holder, spec) ? roomOf(state, host, executor.kind, true) : room
      return {
        leases,
        units: Math.min(units, command.units, LEASE_UNITS_MAX, unitsFor(job, command.seconds, executor.operationsPerSecond))
      }
    },
    fleet: fleetOf(state, policy),
    knows: (job) => known.has(job.id),
    random
  })
  if (found.job === null) return nothing(found.why)
  const { job, ranges } = found
  const handed = handOver(state, job, ranges, candidate).map(({ range, holder, checkpoint }, index) => ({
    holder,
    lease: leaseOf(job, range, job.nextEpoch + index, holder, now, checkpoint)
  }))
  return decided<AskAnswer>(
    { leases: handed.map(({ lease }) => lease), retryAfterMs: 0 },
    handed.map(({ lease: { checkpoint: _, ...lease }, holder }) => ({ type: 'leased', ...lease, holder }))
  )
}

/** Units that fill `seconds` on a host of this speed; at least one. Without a wish or a speed, as many as asked for. */
function unitsFor(job: JobEntry, seconds: number, operationsPerSecond: number): number {
  if (seconds === 0 || operationsPerSecond === 0) return LEASE_UNITS_MAX
  return Math.max(1, Math.floor((seconds * operationsPerSecond) / job.signed.spec.unitOperations))
}

function leaseOf(job: JobEntry, { start, count }: Range, epoch: number, holder: Holder, now: number, checkpoint?: ContentHash): Lease {
  const durationMs = leaseMs(job)
  const lease = { job: job.id, start, count, epoch, executor: holder.executor, deadline: now + durationMs, durationMs }
  return checkpoint === undefined ? lease : { ...lease, checkpoint }
}
