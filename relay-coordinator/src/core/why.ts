/** The why-engine: one reason for each job, unit and host, from the catalogue, with the facts behind it. */
import { kernelExecutors, REASONS, type ReasonCode, type Why } from '@peercompute/job-specs'
import { dependent } from './independence.ts'
import { isUnable, matchJob } from './matching.ts'
import type { CoordinatorState, Holder, HostEntry, JobEntry } from './state.ts'

interface Finding {
  readonly code: ReasonCode
  readonly facts: Why['facts']
}

export function explain(finding: Finding): Why {
  const { sentence, remedy } = REASONS[finding.code]
  return { ...finding, sentence, remedy }
}

export function whyJob(state: CoordinatorState, job: JobEntry): Finding {
  const units = { unitCount: job.signed.spec.unitCount, settled: job.settled.size, errored: job.errored.size }
  switch (job.state) {
    case 'queued':
      return { code: 'job_queued', facts: { missingBlobs: job.missingBlobs.size, first: [...job.missingBlobs][0] ?? '' } }
    case 'paused':
      return { code: 'job_paused', facts: units }
    case 'cancelled':
    case 'retired':
      return { code: 'job_cancelled', facts: units }
    case 'completed':
      return { code: 'job_completed', facts: units }
    case 'failed':
      return { code: 'job_failed', facts: units }
    case 'running':
      return whyRunning(state, job, units)
  }
}

function whyRunning(state: CoordinatorState, job: JobEntry, units: Why['facts']): Finding {
  const connected = [...state.hosts.values()].filter((host) => host.connected)
  if (connected.length === 0) return { code: 'no_volunteers', facts: units }
  const executors = kernelExecutors(job.signed.spec.kernel)
  const capable = connected.flatMap(holdersOf).filter((holder) => executors.includes(holder.executor) && !isUnable(job, holder))
  if (capable.length === 0)
    return { code: 'no_capable_volunteer', facts: { ...units, kernelNeeds: executors.join(' or '), volunteers: connected.length } }
  const { quorum, independence } = job.signed.spec.verification
  const voices = independentVoices(capable, independence)
  if (voices < quorum) return { code: 'too_few_independent', facts: { ...units, quorum, independence, voices } }
  const active = [...job.leases.values()].some((lease) => !lease.over)
  if (!active && !capable.some((holder) => matchJob(job, holder, 1).kind === 'units')) {
    const code = job.failures.size > 0 ? 'no_capable_volunteer' : 'too_few_independent'
    return { code, facts: { ...units, failuresByCause: job.failures.size, volunteers: connected.length } }
  }
  return { code: 'job_running', facts: { ...units, inFlight: job.units.size, volunteers: connected.length } }
}

function holdersOf(host: HostEntry): Holder[] {
  const { account, subnet } = host
  return host.description.executors.map(({ kind }) => ({ host: host.host, account, subnet, executor: kind }))
}

/** Size of a set of mutually independent holders, built greedily: exact for levels that partition the holders. */
function independentVoices(holders: readonly Holder[], level: Parameters<typeof dependent>[2]): number {
  const voices: Holder[] = []
  for (const holder of holders) if (!voices.some((voice) => dependent(voice, holder, level))) voices.push(holder)
  return voices.length
}

export function whyUnit(job: JobEntry, number: number): Finding {
  if (job.settled.has(number)) return { code: 'settled', facts: { unit: number } }
  if (job.errored.has(number))
    return { code: job.failures.has('inconclusive') ? 'inconclusive' : 'too_many_failures', facts: { unit: number } }
  const unit = job.units.get(number)
  if (unit === undefined) return { code: 'awaiting_first_lease', facts: { unit: number, nextUnit: job.cursor } }
  const facts = { unit: number, results: unit.results.length, failures: unit.failures.length, active: unit.active.size }
  if (unit.results.length > 1) return { code: 'disagreement', facts }
  if (unit.active.size > 0) return { code: 'in_progress', facts }
  if (unit.results.length === 1) return { code: 'awaiting_second_opinion', facts }
  return { code: unit.failures.length > 0 ? 'failed_once' : 'awaiting_first_lease', facts }
}

export function whyHost(state: CoordinatorState, host: HostEntry): Finding {
  const facts = { unitsHeld: host.unitsHeld, validated: host.validated, rejected: host.rejected, failed: host.failed }
  if (!host.connected) return { code: 'network_offline', facts }
  if (host.unitsHeld > 0) return { code: 'in_progress', facts }
  const found = new Set<ReasonCode>()
  for (const job of state.jobs.values()) {
    if (job.state !== 'running') continue
    for (const holder of holdersOf(host)) {
      const match = matchJob(job, holder, 1)
      if (match.kind === 'units') return { code: 'in_progress', facts: { ...facts, job: job.signed.spec.name } }
      found.add(match.why)
    }
  }
  const ranked: readonly ReasonCode[] = ['independence_unmet', 'no_matching_work']
  return { code: ranked.find((code) => found.has(code)) ?? 'no_work_available', facts }
}
