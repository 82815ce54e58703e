/** Rows of jobs and hosts, and which of them a batch of events has touched. Shared by all stores. */
import type { AccountId, HostId, JobId } from '@peercompute/job-specs'
import type { CoordinatorEvent, Vote } from './events.ts'
import { voicesOf, type Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { knownReputation } from './judging.ts'
import type { Reputation, ReputationRow } from './reputation.ts'
import type { CoordinatorState, HostEntry } from './state.ts'
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
    agreeing: job.agreeing,
    reduced: job.reduced,
    reduceAnew: job.reduceAnew,
    firstSettledAt: job.firstSettledAt,
    endedAt: job.endedAt,
    retired: job.retired,
    settlers: [...job.settlers],
    failures: [...job.failures].map(([reason, failure]) => [reason, { ...failure }]),
    unitMicroCredits: job.unitMicroCredits,
    pricing:
      job.pricing === null ? null : { operations: [...job.pricing.operations], paid: [...job.pricing.paid], hosts: [...job.pricing.hosts] }
  }
}

export function hostRow(entry: HostEntry): HostRow {
  const { host, account, label, description, subnet, lastSeenAt, validated, rejected, failed, microCredits } = entry
  return { host, account, label, description, subnet, lastSeenAt, validated, rejected, failed, microCredits }
}

export function reputationRow({ host, executor, program, passed, checks, failures, colluded }: Reputation): ReputationRow {
  return { host, executor, program, passed, checks, failures, colluded }
}

export interface Touched {
  readonly reputations: ReadonlySet<Reputation>
  readonly jobs: ReadonlySet<JobId>
  readonly hosts: ReadonlySet<HostId>
  readonly accounts: ReadonlySet<AccountId>
}

/** `state`: after the events. */
export function touched(events: readonly CoordinatorEvent[], state: CoordinatorState): Touched {
  const jobs = new Set<JobId>()
  const hosts = new Set<HostId>()
  const accounts = new Set<AccountId>()
  const reputations = new Set<Reputation>()
  const learntIn = new Map<Holder, JobId>()
  for (const event of events) {
    if ('job' in event) jobs.add(event.job)
    if ('host' in event) hosts.add(event.host)
    if (event.type === 'credit-restored') accounts.add(event.account)
    if (event.type === 'failure') hosts.add(event.attempt.holder.host)
    if (event.type === 'job-priced') {
      for (const [account] of event.paid) accounts.add(account)
      for (const [host] of event.hosts) hosts.add(host)
    }
    if (event.type === 'host-pardoned')
      for (const reputation of state.trust.reputations.values()) if (reputation.host === event.host) reputations.add(reputation)
    if (event.type !== 'settled' && event.type !== 'units-reopened') continue
    const spec = state.jobs.get(event.job)?.signed.spec
    const learnt = (holder: Holder): void => {
      // A lease's holder is one object for all of its units.
      if (learntIn.get(holder) === event.job) return
      learntIn.set(holder, event.job)
      for (const voice of voicesOf(holder)) {
        hosts.add(voice.host)
        const reputation = spec && knownReputation(state, spec, voice)
        if (reputation !== undefined) reputations.add(reputation)
      }
    }
    for (const { holder, verdict } of votesOf(event)) {
      if (verdict !== 'rejected') accounts.add(holder.account)
      learnt(holder)
    }
    if (event.type === 'settled') for (const { holder } of event.faults ?? []) learnt(holder)
  }
  return { jobs, hosts, accounts, reputations }
}

function votesOf(event: CoordinatorEvent): readonly Vote[] {
  if (event.type === 'settled') return event.votes
  return event.type === 'units-reopened' ? event.units.flatMap(({ votes }) => votes) : []
}
