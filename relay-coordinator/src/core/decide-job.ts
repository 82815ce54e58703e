/** Deciders about whole jobs: submit, blobs, pause, resume, cancel. */
import { jobIdOf, type AuthorId, type JobId, type JobSpec, type JobState } from '@peercompute/job-specs'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import type { CoordinatorEvent } from './events.ts'
import { isOpen } from './place.ts'
import type { CorePolicy } from './policy.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** The same job twice is the same job: `created` is false and nothing changes. */
export const decideSubmit: Decider<Of<'submit'>, { created: boolean }> = (state, command, { now, policy }) => {
  if (jobIdOf(command.signed.author, command.signed.spec) !== command.job)
    return refused('JOB_INVALID', 'the id is not the one of this specification')
  if (state.jobs.has(command.job)) return decided({ created: false })
  const { job, signed, custodial, missingBlobs, held } = command
  const over = overQuota(state, signed.author, signed.spec, policy)
  if (over !== null) return refused('QUOTA_EXCEEDED', over)
  return decided({ created: true }, [{ type: 'job-submitted', job, signed, custodial, missingBlobs, held, at: now }])
}

function overQuota(state: CoordinatorState, author: AuthorId, spec: JobSpec, policy: CorePolicy): string | null {
  const { jobs, units } = state.open.get(author) ?? { jobs: 0, units: 0 }
  if (jobs >= policy.openJobsPerAuthor) return `${jobs} jobs of this researcher are open, and ${policy.openJobsPerAuthor} are allowed`
  if (units + spec.unitCount <= policy.openUnitsPerAuthor) return null
  return `the open jobs of this researcher have ${units} units; with ${spec.unitCount} more they would pass ${policy.openUnitsPerAuthor}`
}

/** A held job that has its blobs begins; one that lacks some goes on waiting for them. */
export const decideApprove: Decider<Of<'approve'>, { jobs: readonly JobId[] }> = (state, { author }, { now }) => {
  const held = [...state.jobs.values()].filter((job) => job.held && job.signed.author === author && isOpen(job))
  const events = held.flatMap((job): CoordinatorEvent[] => [
    { type: 'job-approved', job: job.id, at: now },
    ...(job.state === 'queued' && job.missingBlobs.size === 0
      ? [{ type: 'job-state' as const, job: job.id, state: 'running' as const, at: now }]
      : [])
  ])
  return decided({ jobs: held.map(({ id }) => id) }, events)
}

export const decideBlobArrived: Decider<Of<'blob-arrived'>, null> = (state, { sha256 }, { now }) => {
  const events: CoordinatorEvent[] = []
  for (const id of state.awaited.get(sha256) ?? []) {
    const job = state.jobs.get(id)
    if (job === undefined) continue
    events.push({ type: 'job-blob', job: job.id, sha256 })
    if (job.missingBlobs.size === 1 && job.state === 'queued' && !job.held)
      events.push({ type: 'job-state', job: job.id, state: 'running', at: now })
  }
  return decided(null, events)
}

/** Cancelling a cancelled job, pausing a paused one and resuming a running one change nothing. */
export const decideControl: Decider<Of<'cancel' | 'pause' | 'resume'>, null> = (state, command, { now }) => {
  const job = state.jobs.get(command.job)
  if (job === undefined) return refused('JOB_NOT_FOUND', `no job has the id ${command.job}`)
  const target = targetState(job, command.type)
  if (target === job.state) return decided(null)
  if (!isOpen(job)) return refused('JOB_CLOSED', `the job is ${job.state}`)
  const over = target === 'cancelled' ? closeLeases(job) : []
  const why = command.why === undefined ? {} : { why: command.why }
  return decided(null, [...over, { type: 'job-state', job: job.id, state: target, at: now, ...why }])
}

/** Only what has ended; retiring twice is retiring once. */
export const decideRetire: Decider<Of<'retire'>, null> = (state, { jobs }) =>
  decided(
    null,
    jobs.flatMap((id) => {
      const job = state.jobs.get(id)
      return job === undefined || job.retired || isOpen(job) ? [] : [{ type: 'job-retired' as const, job: id }]
    })
  )

function targetState(job: JobEntry, control: 'cancel' | 'pause' | 'resume'): JobState {
  if (control === 'cancel') return 'cancelled'
  if (control === 'pause') return 'paused'
  return job.held || job.missingBlobs.size > 0 ? 'queued' : 'running'
}

export function closeLeases(job: JobEntry): CoordinatorEvent[] {
  return [...job.leases.values()].filter((lease) => !lease.over).map((lease) => leaseClosed(job.id, lease.epoch))
}

function leaseClosed(job: JobId, epoch: number): CoordinatorEvent {
  return { type: 'lease-over', job, epoch, cause: 'job-closed' }
}
