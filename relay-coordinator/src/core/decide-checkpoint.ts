/** The decider about a saved state that a host hands over. What is not kept costs the host nothing: its own copy is its own. */
import { CHECKPOINT_HANDED_EVERY_MS, CHECKPOINT_HANDED_MAX_BYTES, LONG_UNIT_SECONDS } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import type { HeldLease } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { isOpen } from './place.ts'
import type { CoordinatorState } from './state.ts'

/** Of one host, and of all. */
export const SAVED_BYTES_MAX = 67_108_864
export const ALL_SAVED_BYTES_MAX = 1_073_741_824

type Checkpoint = Extract<Command, { type: 'checkpoint' }>

export const decideCheckpoint: Decider<Checkpoint, { readonly kept: boolean }> = (state, command, { now }) => {
  const job = state.jobs.get(command.job)
  if (job === undefined) return refused('JOB_NOT_FOUND', `no job has the id ${command.job}`)
  const lease = job.leases.get(command.epoch)
  if (lease === undefined || !mayKeep(state, job, lease, command, now)) return decided({ kept: false })
  const { unit, epoch, sha256, bytes } = command
  const { holder } = lease
  const executor = state.hosts.get(holder.host)?.description.executors.find(({ kind }) => kind === holder.executor)
  if (executor === undefined) return decided({ kept: false })
  const { numericClass, probeVersion } = executor
  const checkpoint = { epoch, sha256, bytes, by: holder, numericClass, probeVersion, at: now }
  return decided({ kept: true }, [{ type: 'checkpoint-saved', job: job.id, unit, checkpoint }])
}

function mayKeep(state: CoordinatorState, job: JobEntry, lease: HeldLease, { host, unit, bytes }: Checkpoint, now: number): boolean {
  if (!isOpen(job) || state.trust.bans.has(host) || lease.over || lease.holder.host !== host || !lease.unreported.has(unit)) return false
  if (job.signed.spec.limits.unitSeconds < LONG_UNIT_SECONDS && now - lease.givenAt < LONG_UNIT_SECONDS * 1_000) return false
  const known = job.checkpoints.get(unit)
  if (known !== undefined && now - known.at < CHECKPOINT_HANDED_EVERY_MS) return false
  // Of several who compute it, one: until it gives up.
  if (known !== undefined && known.epoch !== lease.epoch && job.leases.get(known.epoch)?.over === false) return false
  const before = known?.by.host === host ? known.bytes : 0
  return (
    bytes <= CHECKPOINT_HANDED_MAX_BYTES && (state.savedBytes.get(host) ?? 0) - before + bytes <= SAVED_BYTES_MAX && roomLeft(state, bytes)
  )
}

function roomLeft({ savedBytes }: CoordinatorState, bytes: number): boolean {
  let all = bytes
  for (const held of savedBytes.values()) all += held
  return all <= ALL_SAVED_BYTES_MAX
}
