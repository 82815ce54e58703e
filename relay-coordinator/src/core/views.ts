/** What people see of the state: pure functions from entries to the API's shapes. */
import { leastResults, type HostView, type JobDetail, type JobSummary, type UnitCounts } from '@peercompute/job-specs'
import { DEFAULT_POLICY, type CorePolicy } from './policy.ts'
import { whyJob, explain } from './why.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState, HostEntry } from './state.ts'

export function unitCounts({ signed, settled, errored, inProgress, validating }: JobEntry): UnitCounts {
  const waiting = signed.spec.unitCount - settled.size - errored.size - inProgress - validating
  return { waiting, inProgress, validating, validated: settled.size, errored: errored.size }
}

export function jobSummary(job: JobEntry): JobSummary {
  const { spec, author } = job.signed
  const held = job.settled.size - job.notHeld.size
  return {
    id: job.id,
    name: spec.name,
    title: spec.title,
    researcher: spec.researcher,
    author,
    custodial: job.custodial,
    state: job.state,
    ...(job.held ? { held: true as const } : {}),
    unitCount: spec.unitCount,
    units: unitCounts(job),
    submittedAt: job.submittedAt,
    firstValidatedAt: job.firstSettledAt,
    endedAt: job.endedAt,
    reduced: job.reduced,
    independence: spec.verification.independence,
    verification: spec.verification,
    sameMachine: sameMachine(job),
    executionsPerUnit: held === 0 ? null : job.executions / held,
    ...(job.notHeld.size === 0 ? {} : { notHeld: job.notHeld.size })
  }
}

/** Who settled what was restored is not known: it counts as one machine unless the job's own rule excludes that. */
function sameMachine({ settlers, notHeld, signed: { spec } }: JobEntry): boolean {
  const { independence } = spec.verification
  const alone = leastResults(spec.verification) === 1
  return settlers.size === 1 || (settlers.size === 0 && notHeld.size > 0 && (alone || independence === 'executor'))
}

export function jobDetail(state: CoordinatorState, job: JobEntry, policy: CorePolicy = DEFAULT_POLICY): JobDetail {
  const { code, sentence, remedy } = explain(whyJob(state, job, policy))
  return {
    ...jobSummary(job),
    spec: job.signed.spec,
    why: { code, sentence, remedy },
    hosts: job.seats.size,
    settledWithin: settledWithin(job),
    failures: [...job.failures].map(([reason, failure]) => ({ reason, ...failure }))
  }
}

const RANGES_SHOWN_MAX = 1_000

/** Units are handed out in order, so there are few ranges; should there be many, the last one shown reaches to the end. */
function settledWithin(job: JobEntry): [number, number][] {
  const shown: [number, number][] = []
  for (const [start, count] of job.settled.ranges()) {
    if (shown.length === RANGES_SHOWN_MAX - 1) return [...shown, [start, job.cursor - start]]
    shown.push([start, count])
  }
  return shown
}

export function hostView(entry: HostEntry): HostView {
  const { host, account, label, description, connected, lastSeenAt, unitsHeld, validated, rejected, failed, microCredits } = entry
  return {
    host,
    account,
    label,
    agent: description.agent,
    connected,
    lastSeenAt,
    executors: description.executors.map(({ kind, numericClass, slots, software }) => ({ kind, numericClass, slots, software })),
    unitsHeld,
    validated,
    rejected,
    failed,
    microCredits
  }
}
