/**
 * Which leases carry another host's checkpoint. A result that went on from one is the opinion of all who computed a part of it, so it is
 * given only where the unit has no other opinion of any of them, at most one execution of a unit at a time descends from it, and there are
 * enough others for the opinions that are still missing.
 */
import type { ContentHash } from '@peercompute/job-specs'
import { exclusionsOf, voiceMarks } from './exclusion.ts'
import { voicesOf, type Holder, type Voice } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { candidatesOf, mismatchOf, type Candidate, type Range } from './matching.ts'
import type { CoordinatorState } from './state.ts'
import { missingResults } from './transition.ts'
import type { UnitInFlight } from './unit.ts'
import type { UnitCheckpoint } from './unit-checkpoint.ts'
import { independentOf } from './voices.ts'

/** Hosts that may have had a part in one execution. */
export const CHAIN_MAX = 8

export interface Handed {
  readonly range: Range
  readonly holder: Holder
  readonly checkpoint?: ContentHash
}

/** A unit with a checkpoint becomes a lease of its own; what of a range lies behind it stays for the next ask. */
export function handOver(state: CoordinatorState, job: JobEntry, ranges: readonly Range[], candidate: Candidate): readonly Handed[] {
  const { holder } = candidate
  if (job.checkpoints.size === 0 || state.hosts.get(holder.host)?.resumes !== true) return ranges.map((range) => ({ range, holder }))
  return ranges.map(({ start, count }): Handed => {
    for (let unit = start; unit < start + count; unit++) {
      const checkpoint = job.checkpoints.get(unit)
      const resuming = checkpoint === undefined ? null : resumingHolder(state, job, unit, checkpoint, candidate)
      if (checkpoint === undefined || resuming === null) continue
      if (unit > start) return { range: { start, count: unit - start }, holder }
      return { range: { start, count: 1 }, holder: resuming, checkpoint: checkpoint.sha256 }
    }
    return { range: { start, count }, holder }
  })
}

/** Whose opinion the result will be; null when this host may not go on from it. */
function resumingHolder(
  state: CoordinatorState,
  job: JobEntry,
  number: number,
  { by, numericClass, probeVersion }: UnitCheckpoint,
  { holder, executor }: Candidate
): Holder | null {
  const unit = job.units.get(number)
  if (unit === undefined || by.executor !== holder.executor) return null
  if (executor.numericClass !== numericClass || executor.probeVersion !== probeVersion) return null
  const others = voicesOf(by).filter((voice) => voice.host !== holder.host || voice.executor !== holder.executor)
  if (others.length >= CHAIN_MAX) return null
  const level = job.signed.spec.verification.independence
  const excluded = exclusionsOf(job, unit)
  if (voiceMarks(by, level).some((mark) => excluded.includes(mark))) return null
  const resuming: Holder = others.length === 0 ? holder : { ...holder, resumed: others.map(voiceOf) }
  return others.length === 0 || areEnough(state, job, unit, resuming, excluded) ? resuming : null
}

function voiceOf({ host, account, subnet, executor }: Voice): Voice {
  return { host, account, subnet, executor }
}

/** Whether the connected hosts that have no part in it can give the opinions that the unit will still lack. */
function areEnough({ hosts }: CoordinatorState, job: JobEntry, unit: UnitInFlight, resuming: Holder, excluded: readonly string[]): boolean {
  const { verification } = job.signed.spec
  const missing = (missingResults(unit, job.signed.spec, job.judging) ?? 1) - 1
  // Where a host may be believed alone, this one is not.
  const isNeverAlone = verification.policy === 'credibility' || verification.policy === 'adaptive'
  const needed = Math.max(missing, isNeverAlone && unit.results.length === 0 ? 1 : 0)
  if (needed === 0) return true
  const level = verification.independence
  const taken = new Set([...voiceMarks(resuming, level), ...excluded])
  const able: Holder[] = []
  for (const host of hosts.values()) {
    if (!host.connected) continue
    for (const candidate of candidatesOf(host))
      if (mismatchOf(job, candidate) === null && !voiceMarks(candidate.holder, level).some((mark) => taken.has(mark)))
        able.push(candidate.holder)
    if (able.length >= needed && independentOf(able, level).length >= needed) return true
  }
  return false
}
