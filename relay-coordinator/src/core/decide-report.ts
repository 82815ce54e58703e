/**
 * A report becomes results, failures, settled units, and perhaps the end of the job, all in one decision, so that they reach the
 * disk in one transaction. Repeated, late and foreign reports are ordinary and change nothing.
 */
import {
  sha256Hex,
  unitValueBytes,
  type HostId,
  type ReasonCode,
  type ReportAnswer,
  type UnitResult,
  type Verdict
} from '@peercompute/job-specs'
import { DEVICES_LOST_MAX, FAILING_AFTER, FAILING_HOSTS, isTelling } from './ability.ts'
import { bansAfter } from './banning.ts'
import type { Command } from './commands.ts'
import { decided, refused, type Decider } from './decision.ts'
import type { CoordinatorEvent } from './events.ts'
import { faultsOf } from './fault.ts'
import { dependent } from './independence.ts'
import { candidatesOf, mismatchOf } from './matching.ts'
import { comparatorFails, verifierDoubted, verifierFailing } from './own-programs.ts'
import { isOpen } from './place.ts'
import { isResumed, type HeldLease } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { priceOf } from './pricing.ts'
import type { CoordinatorState } from './state.ts'
import type { FailedAttempt, PendingResult, UnitInFlight } from './unit.ts'
import { transition } from './transition.ts'

export interface UnitAnswer {
  readonly unit: number
  readonly answer: ReportAnswer
}

/** Characters of a verifier's words that are kept. */
const DETAIL_MAX = 2_000

type ReportCommand = Extract<Command, { type: 'report' }>

export const decideReport: Decider<ReportCommand, readonly UnitAnswer[]> = (state, { report, values, verdicts }, { now, random }) => {
  const job = state.jobs.get(report.job)
  if (job === undefined) return refused('JOB_NOT_FOUND', `no job has the id ${report.job}`)
  const successes = report.units.filter((unit) => unit.outcome === 'success').length
  if (values.length !== successes) return refused('FRAME_INVALID', `${successes} values are announced, ${values.length} came`)
  if (verdicts !== undefined && verdicts.length !== successes)
    return refused('FRAME_INVALID', `${successes} values are announced, ${verdicts.length} verdicts came`)
  if (state.trust.bans.has(report.host)) return decided(report.units.map(({ unit }) => ({ unit, answer: 'rejected' as const })))
  const lease = job.leases.get(report.epoch)
  if (lease !== undefined && (lease.holder.host !== report.host || lease.holder.executor !== report.executor)) {
    return decided(report.units.map(({ unit }) => ({ unit, answer: 'not_held' as const })))
  }
  const events: CoordinatorEvent[] = []
  const answers: UnitAnswer[] = []
  const seen = new Set<number>()
  const lost = new Map<number, number>()
  let nextValue = 0
  let closed = 0
  let trouble: ReasonCode | null = null
  for (const outcome of report.units) {
    const verdict = outcome.outcome === 'success' ? verdicts?.[nextValue] : undefined
    const value = outcome.outcome === 'success' ? values[nextValue++] : undefined
    const answer = seen.has(outcome.unit) ? 'duplicate' : standing(job, lease, outcome.unit, report)
    seen.add(outcome.unit)
    if (answer !== 'accepted' || lease === undefined) {
      answers.push({ unit: outcome.unit, answer })
      continue
    }
    const unit = job.units.get(outcome.unit)
    if (unit === undefined) {
      answers.push({ unit: outcome.unit, answer: 'late' })
      continue
    }
    const refusal = refusalOf(job, outcome, value, verdict)
    const after = received(unit, lease, report, refusal ?? outcome, value, verdict?.pass === true, now)
    events.push(after.event)
    answers.push({ unit: outcome.unit, answer: isHostsFault(refusal) ? 'rejected' : 'accepted' })
    if (comparatorFails(job, after.unit.results)) {
      trouble = 'comparator_failing'
      continue
    }
    const follow = followUp(job, outcome.unit, after.unit, now, random())
    if (follow === null && verifierDoubted(job, after.unit.results)) trouble = 'verifier_doubted'
    if (follow !== null) {
      events.push(follow)
      closed++
      for (const epoch of [...after.unit.active, ...after.unit.slow]) lost.set(epoch, (lost.get(epoch) ?? 0) + 1)
    }
  }
  if (lease !== undefined && !lease.over && reportsLast(lease, answers))
    events.push({ type: 'lease-over', job: job.id, epoch: lease.epoch, cause: 'reported' })
  events.push(...overtaken(job, lost))
  const price =
    job.pricing === null
      ? null
      : priceOf(
          state,
          job,
          events.filter((event) => event.type === 'settled')
        )
  if (price !== null) events.push(price)
  events.push(...bansAfter(state, job, events, now))
  const end = endOfJob(job, closed, events, now)
  events.push(...end)
  const why =
    end.length > 0 || job.state !== 'running'
      ? null
      : (trouble ?? verifierFailing(job, events) ?? losingDevices(job, events) ?? pauseOf(state, job, events))
  if (why !== null) events.push({ type: 'job-state', job: job.id, state: 'paused', at: now, why })
  return decided(answers, events)
}

/** What a report of this unit is worth before its content is looked at. */
function standing(job: JobEntry, lease: HeldLease | undefined, unit: number, report: ReportCommand['report']): ReportAnswer {
  if (!isOpen(job)) return 'job_closed'
  const inFlight = job.units.get(unit)
  if (inFlight?.results.some((result) => result.epoch === report.epoch && result.holder.host === report.host)) return 'duplicate'
  if (inFlight?.failures.some((failure) => failure.epoch === report.epoch && failure.holder.host === report.host)) return 'duplicate'
  if (job.settled.has(unit) || job.errored.has(unit)) return 'late'
  if (lease === undefined || unit < lease.start || unit >= lease.start + lease.count) return 'not_held'
  if (!lease.unreported.has(unit)) return 'duplicate'
  // A second opinion of the same voice (its first lease had expired) would count twice.
  const level = job.signed.spec.verification.independence
  if (inFlight?.results.some((result) => dependent(result.holder, lease.holder, level))) return 'duplicate'
  return 'accepted'
}

function isWellFormed(job: JobEntry, outcome: Extract<UnitResult, { outcome: 'success' }>, value: Uint8Array | undefined): boolean {
  return (
    value !== undefined &&
    value.length === unitValueBytes(job.signed.spec.outputs) &&
    value.length === outcome.bytes &&
    sha256Hex(value) === outcome.digest
  )
}

/** Why a success is none; null when it is one. */
function refusalOf(job: JobEntry, outcome: UnitResult, value: Uint8Array | undefined, verdict: Verdict | undefined): UnitResult | null {
  if (outcome.outcome === 'failure') return null
  const { unit, computeMs } = outcome
  if (!isWellFormed(job, outcome, value)) {
    const message = 'the value does not have the announced digest or the declared size'
    return { outcome: 'failure', unit, reason: 'output_shape', message, computeMs }
  }
  if (verdict === undefined || verdict.pass) return null
  const reason = verdict.pass === null ? 'verifier_failed' : 'verification_failed'
  return { outcome: 'failure', unit, reason, message: verdict.detail.slice(0, DETAIL_MAX), computeMs }
}

/** A verifier that fails says nothing of the host. */
function isHostsFault(refusal: UnitResult | null): boolean {
  return refusal?.outcome === 'failure' && refusal.reason !== 'verifier_failed'
}

type History = Pick<UnitInFlight, 'results' | 'failures' | 'active' | 'slow'>

/** The unit as it will be once the event is applied, without touching the state. */
function received(
  unit: UnitInFlight,
  lease: HeldLease,
  report: ReportCommand['report'],
  outcome: UnitResult,
  value: Uint8Array | undefined,
  verified: boolean,
  now: number
): { event: CoordinatorEvent; unit: History } {
  const active = unit.active.filter((epoch) => epoch !== lease.epoch)
  const slow = unit.slow.filter((epoch) => epoch !== lease.epoch)
  if (outcome.outcome === 'failure' || value === undefined) {
    const attempt: FailedAttempt = {
      epoch: lease.epoch,
      holder: lease.holder,
      reason: outcome.outcome === 'failure' ? outcome.reason : 'output_shape',
      message: outcome.outcome === 'failure' ? outcome.message : ''
    }
    return {
      event: { type: 'failure', job: report.job, unit: outcome.unit, attempt, at: now, numericClass: report.numericClass },
      unit: { active, slow, results: unit.results, failures: [...unit.failures, attempt] }
    }
  }
  const result: PendingResult = {
    epoch: lease.epoch,
    holder: lease.holder,
    numericClass: report.numericClass,
    probeVersion: report.probeVersion,
    digest: outcome.digest,
    value,
    computeMs: outcome.computeMs,
    at: now,
    ...(verified ? { verified } : {})
  }
  return {
    event: { type: 'result', job: report.job, unit: outcome.unit, result },
    unit: { active, slow, failures: unit.failures, results: [...unit.results, result] }
  }
}

function followUp(job: JobEntry, number: number, unit: History, now: number, draw: number): CoordinatorEvent | null {
  const { spec } = job.signed
  const next = transition(unit, spec, { ...job.judging, draw })
  if (next.kind === 'open') return null
  if (next.kind === 'error') {
    const { reason, votes } = next
    return { type: 'unit-errored', job: job.id, unit: number, reason, ...(votes === undefined ? {} : { votes }), at: now }
  }
  const { star, errorProbability } = next
  const { results, failures } = unit
  const faults = faultsOf({ star, errorProbability, results, failures }, spec, job.judging)
  return {
    type: 'settled',
    job: job.id,
    unit: number,
    digest: next.canonical.digest,
    value: next.canonical.value,
    votes: next.votes,
    microCredits: job.unitMicroCredits,
    errorProbability,
    ...(faults.length === 0 ? {} : { faults }),
    at: now
  }
}

function reportsLast(lease: HeldLease, answers: readonly UnitAnswer[]): boolean {
  let left = lease.unreported.size
  for (const { unit, answer } of answers)
    if ((answer === 'accepted' || answer === 'rejected' || answer === 'late') && lease.unreported.has(unit)) left--
  return left === 0
}

function endOfJob(job: JobEntry, closed: number, events: readonly CoordinatorEvent[], now: number): CoordinatorEvent[] {
  if (!isOpen(job) || closed === 0) return []
  if (job.settled.size + job.errored.size + closed < job.signed.spec.unitCount) return []
  const failed = job.errored.size > 0 || events.some((event) => event.type === 'unit-errored')
  return [{ type: 'job-state', job: job.id, state: failed ? 'failed' : 'completed', at: now }]
}

/** Leases of which nothing is left to do, because others were faster: `lost` counts the units that each has lost now. */
function overtaken(job: JobEntry, lost: ReadonlyMap<number, number>): CoordinatorEvent[] {
  return [...lost].flatMap(([epoch, units]): CoordinatorEvent[] => {
    const lease = job.leases.get(epoch)
    if (lease === undefined || lease.over || lease.unreported.size > units) return []
    return [{ type: 'lease-over', job: job.id, epoch, cause: 'overtaken', overtaken: lease.holder.host }]
  })
}

/** It takes graphics drivers down, and with them whatever else their owners do. */
function losingDevices(job: JobEntry, events: readonly CoordinatorEvent[]): ReasonCode | null {
  const hosts = new Set(job.devicesLost)
  for (const event of events)
    if (event.type === 'failure' && event.attempt.reason === 'device_lost' && !isResumed(event.attempt.holder))
      hosts.add(event.attempt.holder.host)
  return hosts.size >= DEVICES_LOST_MAX ? 'losing_devices' : null
}

/** Nothing but failures, from several hosts, or from all that could run it: going on would only cost the volunteers. */
function pauseOf(state: CoordinatorState, job: JobEntry, events: readonly CoordinatorEvent[]): ReasonCode | null {
  if (job.trouble === null || events.some(({ type }) => type === 'result')) return null
  const failures = events.filter((event) => event.type === 'failure' && isTelling(event.attempt.reason) && !isResumed(event.attempt.holder))
  if (failures.length === 0 || job.trouble.failures + failures.length < FAILING_AFTER) return null
  const hosts = new Set<HostId>(job.trouble.hosts)
  for (const event of failures) if (event.type === 'failure') hosts.add(event.attempt.holder.host)
  return hosts.size >= FAILING_HOSTS || !othersCould(state, job, hosts) ? 'failing' : null
}

/** Whether a connected host that has not failed could run the job. Few have failed, so one is soon found when there are many. */
function othersCould(state: CoordinatorState, job: JobEntry, failed: ReadonlySet<HostId>): boolean {
  for (const host of state.hosts.values())
    if (host.connected && !failed.has(host.host) && candidatesOf(host).some((candidate) => mismatchOf(job, candidate) === null)) return true
  return false
}
