/**
 * The why-engine: one reason for each job, unit and host, from the catalogue, with the facts behind it. Asked by people, one at a time:
 * it may look at every host or job.
 */
import { kernelExecutors, REASONS, type ReasonCode, type Why } from '@peercompute/job-specs'
import { leasesAllowed } from './allowance.ts'
import { demandOf, lackOf } from './demand.ts'
import { candidatesOf, matchJob, mismatchOf, MISMATCHES, type Candidate, type Mismatch } from './matching.ts'
import { fleetOf } from './mixing.ts'
import { DEFAULT_POLICY, type CorePolicy } from './policy.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState, HostEntry } from './state.ts'
import type { PendingResult } from './unit.ts'
import { resultsWanted, voicesNeeded } from './voices.ts'
import { seated, TRIAL_UNITS, trialSeats } from './trial.ts'

interface Finding {
  readonly code: ReasonCode
  readonly facts: Why['facts']
}

export function explain(finding: Finding): Why {
  const { sentence, remedy } = REASONS[finding.code]
  return { ...finding, sentence, remedy }
}

export function whyJob(state: CoordinatorState, job: JobEntry, policy: CorePolicy = DEFAULT_POLICY): Finding {
  const units = { unitCount: job.signed.spec.unitCount, settled: job.settled.size, errored: job.errored.size }
  if (job.stateWhy !== null) return { code: job.stateWhy, facts: { ...units, failuresByCause: job.failures.size } }
  switch (job.state) {
    case 'queued':
      if (job.held) return { code: 'awaiting_approval', facts: { author: job.signed.author } }
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
      return whyRunning(state, job, units, policy)
  }
}

function whyRunning(state: CoordinatorState, job: JobEntry, units: Why['facts'], policy: CorePolicy): Finding {
  const { spec } = job.signed
  const connected = [...state.hosts.values()].filter((host) => host.connected)
  if (!policy.leasing) return { code: 'storage_full', facts: units }
  if (connected.length === 0) return { code: 'no_volunteers', facts: units }
  const candidates = connected.flatMap(candidatesOf)
  const capable = candidates.filter((candidate) => mismatchOf(job, candidate) === null)
  if (capable.length === 0) return whyNobody(job, candidates, { ...units, volunteers: connected.length })
  const { independence, policy: rule } = spec.verification
  const holders = capable.map(({ holder }) => holder)
  const { voices, wanted } = voicesNeeded(state, spec, holders)
  const needs = { ...units, policy: rule, independence, voices, wanted }
  if (voices < wanted) return { code: 'too_few_independent', facts: needs }
  if (job.running.size === 0) {
    const fleet = fleetOf(state, policy)
    const matches = capable.map((candidate) => matchJob(job, candidate, { units: 1, fleet }))
    if (!matches.some(({ kind }) => kind === 'units')) {
      if (matches.some((match) => match.kind === 'nothing' && match.why === 'network_share_used'))
        return { code: 'too_few_networks', facts: { ...units, networks: fleet.subnets, share: policy.subnetShare, voices } }
      if (job.failures.size > 0)
        return { code: 'no_capable_volunteer', facts: { ...units, failuresByCause: job.failures.size, volunteers: connected.length } }
      // What is left has results from all of them already.
      return { code: 'too_few_independent', facts: { ...needs, wanted: Math.max(wanted, voices + 1), volunteers: connected.length } }
    }
  }
  if (seated(job) !== null && capable.length > job.seats.size) {
    const succeeded = job.settled.size + job.validating
    return {
      code: 'trying',
      facts: { ...units, hosts: job.seats.size, hostsAllowed: trialSeats(job) ?? 0, succeeded, needed: TRIAL_UNITS }
    }
  }
  return { code: 'job_running', facts: { ...units, inFlight: job.units.size, volunteers: connected.length } }
}

const NOBODY: Partial<Record<Mismatch, ReasonCode>> = {
  kernel_not_compiling: 'not_compiling',
  memory_too_small: 'memory_unmet',
  features_missing: 'features_unmet',
  class_not_wanted: 'class_unmet'
}

/** What keeps all of them away, told by those who come closest. */
function whyNobody(job: JobEntry, candidates: readonly Candidate[], facts: Why['facts']): Finding {
  const { spec } = job.signed
  const executors = kernelExecutors(spec.kernel)
  for (const mismatch of MISMATCHES) {
    const code = NOBODY[mismatch]
    const closest = code && candidates.find((candidate) => mismatchOf(job, candidate) === mismatch)
    if (code === undefined || closest === undefined) continue
    const lack = lackOf(demandOf(spec, closest.executor.kind), closest.executor, closest.memoryBytes)
    if (lack !== null) return { code, facts: { ...facts, ...lack } }
    const message = job.failures.get('compile_error')?.message ?? ''
    return { code, facts: { ...facts, deviceClass: closest.executor.numericClass, message: message.slice(0, 200) } }
  }
  return { code: 'no_capable_volunteer', facts: { ...facts, kernelNeeds: executors.join(' or ') } }
}

/** Reasons of a running job that keep a unit from being handed out at all. */
const KEPT: ReadonlySet<ReasonCode> = new Set(['storage_full', 'no_capable_volunteer', ...Object.values(NOBODY)])

export function whyUnit(state: CoordinatorState, job: JobEntry, number: number, policy: CorePolicy = DEFAULT_POLICY): Finding {
  if (job.settled.has(number)) return { code: 'settled', facts: { unit: number } }
  if (job.errored.has(number))
    return { code: job.failures.has('inconclusive') ? 'inconclusive' : 'too_many_failures', facts: { unit: number } }
  const of = whyJob(state, job, policy)
  if (job.state !== 'running') return { code: 'job_at_rest', facts: { unit: number, job: of.code } }
  const unit = job.units.get(number)
  const { results = [], failures = [], active = [], slow = [] } = unit ?? {}
  const facts = { unit: number, results: results.length, failures: failures.length, active: active.length + slow.length }
  const holders = results.map(({ holder }) => holder)
  const wanted = Math.max(results.length + 1, resultsWanted(state, job.signed.spec, holders))
  if (slow.length > 0) return { code: 'straggling', facts }
  if (results.length > 1 && !agree(job, results)) return { code: 'disagreement', facts }
  if (active.length > 0) return { code: 'in_progress', facts }
  if (results.length > 0) return { code: 'awaiting_second_opinion', facts: { ...facts, wanted, job: of.code } }
  if (failures.length > 0) return { code: 'failed_once', facts: { ...facts, job: of.code } }
  if (KEPT.has(of.code)) return { code: 'awaiting_capable_host', facts: { ...facts, job: of.code } }
  return { code: 'awaiting_first_lease', facts: { ...facts, nextUnit: job.cursor } }
}

/** All of them with the first. */
function agree({ judging }: JobEntry, [first, ...others]: readonly PendingResult[]): boolean {
  return first === undefined || others.every((other) => judging.compare(first, other).agree)
}

export function whyHost(state: CoordinatorState, host: HostEntry, policy: CorePolicy = DEFAULT_POLICY): Finding {
  const facts = {
    unitsHeld: host.unitsHeld,
    leasesAllowed: leasesAllowed(host),
    validated: host.validated,
    rejected: host.rejected,
    failed: host.failed
  }
  if (!host.connected) return { code: 'network_offline', facts }
  if (state.trust.bans.has(host.host)) return { code: 'host_banned', facts }
  if (host.unitsHeld > 0) return { code: 'in_progress', facts }
  if (!policy.leasing) return { code: 'storage_low', facts }
  const found = new Map<Mismatch, Why['facts']>()
  for (const job of state.jobs.values()) {
    if (job.state !== 'running') continue
    for (const candidate of candidatesOf(host)) {
      const match = matchJob(job, candidate, { units: 1, fleet: fleetOf(state, policy) })
      if (match.kind === 'units') return { code: 'in_progress', facts: { ...facts, job: job.signed.spec.name } }
      if (found.has(match.why)) continue
      const lack = lackOf(demandOf(job.signed.spec, candidate.executor.kind), candidate.executor, candidate.memoryBytes)
      found.set(match.why, { job: job.signed.spec.name, ...lack })
    }
  }
  const code = MISMATCHES.find((mismatch) => found.has(mismatch)) ?? 'no_work_available'
  return { code, facts: { ...facts, ...found.get(code) } }
}
