/** Units in flight: every change of a unit's history goes through here, so that counters and queues stay true to it. */
import type { JobSpec } from '@peercompute/job-specs'
import { dropCheckpoint } from './checkpoints.ts'
import { exclusionsOf } from './exclusion.ts'
import { unitDone } from './hold.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'
import { countShare } from './subnet-share.ts'
import type { UnitInFlight } from './unit.ts'
import { missingResults } from './transition.ts'

const NONE: readonly never[] = []

export function unitOf(job: JobEntry, number: number): UnitInFlight {
  const known = job.units.get(number)
  if (known !== undefined) return known
  const unit: UnitInFlight = {
    number,
    results: NONE,
    failures: NONE,
    active: NONE,
    slow: NONE,
    stage: 'waiting',
    group: null,
    slot: 0
  }
  job.units.set(number, unit)
  return unit
}

export function wantsMore(job: JobEntry, unit: UnitInFlight, reported = false): boolean {
  const { spec } = job.signed
  const missing = missingResults(unit, spec, job.judging)
  if (missing !== null) return missing > 0
  if (reported && endsAtOnce(spec)) return false
  // Meanwhile more is known of the hosts, or one of them is banned: it ends with the next report.
  return unit.active.length === 0 && unit.results.length + unit.slow.length < spec.verification.maxResults
}

/** Whether a unit that a report ends is closed by the next event, because nothing that is learnt meanwhile counts. */
function endsAtOnce({ verification }: JobSpec): boolean {
  return verification.policy !== 'credibility' && verification.comparator.kind !== 'custom'
}

/** After its history has changed; `reported`: by a report, which is decided in one with what follows from it. */
export function unitChanged(job: JobEntry, unit: UnitInFlight, reported = false): void {
  enter(job, unit, unit.results.length > 0 ? 'validating' : unit.active.length + unit.slow.length > 0 ? 'inProgress' : 'waiting')
  if (wantsMore(job, unit, reported)) job.wanting.add(unit, exclusionsOf(job, unit))
  else job.wanting.delete(unit)
}

function enter(job: JobEntry, unit: UnitInFlight, stage: UnitInFlight['stage']): void {
  if (unit.stage === stage) return
  if (unit.stage !== 'waiting') job[unit.stage]--
  if (stage !== 'waiting') job[stage]++
  unit.stage = stage
}

/** Forgets the unit; whoever still computes it has nothing left to report. */
export function closeUnit(state: CoordinatorState, job: JobEntry, number: number): void {
  const unit = job.units.get(number)
  if (unit === undefined) return
  enter(job, unit, 'waiting')
  job.wanting.delete(unit)
  job.units.delete(number)
  dropCheckpoint(state, job, number)
  for (const { holder } of unit.results) countShare(job, holder.subnet, -1)
  for (const epoch of [...unit.active, ...unit.slow]) {
    const lease = job.leases.get(epoch)
    if (lease !== undefined) unitDone(state, job, lease, number)
  }
}

export function without(epochs: readonly number[], epoch: number): readonly number[] {
  if (!epochs.includes(epoch)) return epochs
  return epochs.length === 1 ? NONE : epochs.filter((other) => other !== epoch)
}

/** One change made to the lists of many units, in order: neighbours that shared a list share the new one. */
export function sharing(change: (epochs: readonly number[]) => readonly number[]): typeof change {
  let before: readonly number[] | null = null
  let after: readonly number[] = NONE
  return (epochs) => {
    if (epochs !== before) after = change(epochs)
    before = epochs
    return after
  }
}
