/** What the model test compares: the state that must survive a restart, the indexes over it, and who may have what, found the slow way. */
import { kernelExecutors } from '@peercompute/job-specs'
import { classOf, doesNotCompile, isUnable } from '../core/ability.ts'
import { demandOf, lackOf } from '../core/demand.ts'
import { evolve, markConnected } from '../core/evolve.ts'
import { isPassing } from '../core/exclusion.ts'
import { dependent } from '../core/independence.ts'
import { wantsMore } from '../core/in-flight.ts'
import type { Candidate } from '../core/matching.ts'
import type { JobEntry } from '../core/job.ts'
import { reputationRow } from '../core/rows.ts'
import type { CoordinatorState } from '../core/state.ts'
import type { UnitInFlight } from '../core/unit.ts'
import { trialSeats } from '../core/trial.ts'

const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
const sorted = <T>(items: Iterable<T>): T[] => [...items].sort(byText)

/** The parts of the state that must survive a restart, in a comparable form. */
export function essence(state: CoordinatorState): unknown {
  return {
    credit: sorted(state.credit),
    carried: sorted(state.carried),
    hosts: [...state.hosts.values()].map(({ connected: _, resumes: __, ...rest }) => rest).sort((a, b) => (a.host < b.host ? -1 : 1)),
    reputations: sorted([...state.trust.reputations.values()].map(reputationRow)),
    bans: sorted(state.trust.bans.values()),
    jobs: [...state.jobs.values()].map((job) => ({
      id: job.id,
      state: job.state,
      why: job.stateWhy,
      cursor: job.cursor,
      executions: job.executions,
      agreeing: job.agreeing,
      unitMicroCredits: job.unitMicroCredits,
      pricing: job.pricing,
      reduced: job.reduced,
      settlers: sorted(job.settlers),
      settled: [...job.settled.ranges()],
      errored: [...job.errored.ranges()],
      notHeld: [...job.notHeld.ranges()],
      checkpoints: sorted(job.checkpoints),
      units: [...job.units]
        .sort((a, b) => a[0] - b[0])
        .map(([n, unit]) => [
          n,
          unit.results.map((r) => r.epoch).sort(),
          unit.failures.map((f) => f.epoch).sort(),
          [...unit.active, ...unit.slow].sort()
        ]),
      // An ended lease whose units have all been closed meanwhile may be forgotten: only late answers come of it.
      leases: [...job.leases.values()]
        .map((l) => ({
          epoch: l.epoch,
          over: l.over,
          deadline: l.deadline,
          open: [...l.unreported.units()].filter((n) => job.units.has(n))
        }))
        .filter((l) => l.open.length > 0)
        .sort((a, b) => a.epoch - b.epoch)
    }))
  }
}

/** What is not stored: who is connected, what they can do, and which leases straggle. */
export function tellAgain(again: CoordinatorState, { hosts, jobs }: CoordinatorState): void {
  for (const { host, resumes } of hosts.values()) {
    const entry = again.hosts.get(host)
    if (entry !== undefined) entry.resumes = resumes
  }
  for (const { id, leases } of jobs.values())
    for (const { straggling, over, epoch } of leases.values())
      if (straggling && !over) evolve(again, { type: 'lease-straggling', job: id, epoch })
  markConnected(
    again,
    [...hosts.values()].filter(({ connected }) => connected).map(({ host }) => host)
  )
}

/** Everything that is kept up to date instead of being counted. */
export function indexes(state: CoordinatorState): unknown {
  return {
    ready: state.ready.describe(),
    tails: sorted(state.tails),
    deadlines: sorted(state.deadlines.due(Infinity).map(({ job, epoch, deadline }) => [job, epoch, deadline])),
    leasesOf: sorted([...state.leasesOf].map(([host, leases]) => [host, sorted([...leases].map(({ job, epoch }) => [job, epoch]))])),
    open: sorted(state.open),
    awaited: sorted([...state.awaited].map(([sha256, jobs]) => [sha256, sorted(jobs)])),
    totals: state.totals,
    savedBytes: sorted(state.savedBytes),
    jobs: [...state.jobs.values()].map((job) => ({
      id: job.id,
      inProgress: job.inProgress,
      validating: job.validating,
      seats: sorted(job.seats),
      running: sorted([...job.running].map(({ epoch }) => epoch)),
      wanting: sorted(job.wanting.groups.map((group) => [group.key, numbersIn(group.units)]))
    }))
  }
}

function numbersIn(units: readonly UnitInFlight[]): number[] {
  return units.map(({ number }) => number).sort((a, b) => a - b)
}

/** The counters, counted. */
export function counted(job: JobEntry): { inProgress: number; validating: number; wanting: number[] } {
  const units = [...job.units.values()]
  return {
    inProgress: units.filter((unit) => unit.results.length === 0 && unit.active.length + unit.slow.length > 0).length,
    validating: units.filter((unit) => unit.results.length > 0).length,
    wanting: units.filter((unit) => wantsMore(job, unit)).map(({ number }) => number)
  }
}

/** Whether there is anything in this job for the candidate, by looking at every unit. */
export function couldTake(job: JobEntry, { holder, executor, memoryBytes }: Candidate): boolean {
  const { spec } = job.signed
  const seats = trialSeats(job)
  if (job.state !== 'running' || !kernelExecutors(spec.kernel).includes(holder.executor)) return false
  if (lackOf(demandOf(spec, holder.executor), executor, memoryBytes) !== null) return false
  if (doesNotCompile(job, holder.host, classOf(executor.kind, executor.numericClass)) || isUnable(job, holder)) return false
  if (seats !== null && job.seats.size >= seats && !job.seats.has(holder.host)) return false
  return job.cursor < spec.unitCount || [...job.units.values()].some((unit) => wantsMore(job, unit) && mayTake(job, holder, unit))
}

function mayTake(job: JobEntry, holder: Candidate['holder'], unit: UnitInFlight): boolean {
  const level = job.signed.spec.verification.independence
  if (unit.results.some((result) => dependent(result.holder, holder, level))) return false
  for (const epoch of [...unit.active, ...unit.slow]) {
    const lease = job.leases.get(epoch)
    if (lease !== undefined && dependent(lease.holder, holder, level)) return false
  }
  return !unit.failures.some(
    (failure) =>
      !isPassing(failure.reason) &&
      failure.holder.resumed === undefined &&
      failure.holder.host === holder.host &&
      failure.holder.executor === holder.executor
  )
}
