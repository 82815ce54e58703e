/** Rows of jobs and hosts, and which of them a batch of events has touched. Shared by all stores. */
import type { AccountId, HostId, JobId } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import type { JobEntry } from './job.ts'
import type { HostEntry } from './state.ts'
import type { HostRow, JobRow } from './store.ts'

export function jobRow(job: JobEntry): JobRow {
  return {
    id: job.id,
    signed: job.signed,
    custodial: job.custodial,
    submittedAt: job.submittedAt,
    state: job.state,
    stateWhy: job.stateWhy,
    held: job.held,
    missingBlobs: [...job.missingBlobs],
    cursor: job.cursor,
    nextEpoch: job.nextEpoch,
    executions: job.executions,
    reduced: job.reduced,
    firstSettledAt: job.firstSettledAt,
    endedAt: job.endedAt,
    retired: job.retired,
    settlers: [...job.settlers],
    failures: [...job.failures].map(([reason, failure]) => [reason, { ...failure }])
  }
}

export function hostRow(entry: HostEntry): HostRow {
  const { host, account, label, description, subnet, lastSeenAt, validated, rejected, failed, microCredits } = entry
  return { host, account, label, description, subnet, lastSeenAt, validated, rejected, failed, microCredits }
}

export interface Touched {
  readonly jobs: ReadonlySet<JobId>
  readonly hosts: ReadonlySet<HostId>
  readonly accounts: ReadonlySet<AccountId>
}

export function touched(events: readonly CoordinatorEvent[]): Touched {
  const jobs = new Set<JobId>()
  const hosts = new Set<HostId>()
  const accounts = new Set<AccountId>()
  for (const event of events) {
    if ('job' in event) jobs.add(event.job)
    if ('host' in event) hosts.add(event.host)
    if (event.type === 'credit-restored') accounts.add(event.account)
    if (event.type === 'failure') hosts.add(event.attempt.holder.host)
    if (event.type !== 'settled') continue
    for (const { holder, verdict } of event.votes) {
      hosts.add(holder.host)
      if (verdict !== 'rejected') accounts.add(holder.account)
    }
  }
  return { jobs, hosts, accounts }
}
