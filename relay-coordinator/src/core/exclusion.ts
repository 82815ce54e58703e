/**
 * Who may not take a unit, as marks: a holder may take it when none of its own marks is among them. Units with the same marks wait
 * in the same queue, so that a host passes over all that it may not have in one look.
 */
import type { Independence, UnitFailure } from '@peercompute/job-specs'
import { isResumed, voicesOf, type Holder, type Voice } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { UnitInFlight } from './unit.ts'

/** Failures that another try on the same host could turn out otherwise. */
const PASSING_FAILURES: ReadonlySet<UnitFailure> = new Set(['timeout', 'out_of_memory', 'missing_blob', 'verifier_failed', 'cancelled'])

export function isPassing(failure: UnitFailure): boolean {
  return PASSING_FAILURES.has(failure)
}

export function executorKey(holder: Pick<Voice, 'host' | 'executor'>): string {
  return `${holder.host}/${holder.executor}`
}

/** Two holders share a mark exactly when they are dependent at this level. */
export function voiceMarks(holder: Holder, level: Independence): string[] {
  return isResumed(holder) ? [...new Set(voicesOf(holder).flatMap((voice) => marksOfVoice(voice, level)))] : marksOfVoice(holder, level)
}

function marksOfVoice(voice: Voice, level: Independence): string[] {
  switch (level) {
    case 'executor':
      return [executorKey(voice)]
    case 'host':
      return [voice.host]
    case 'owner':
      return [voice.host, voice.account]
    case 'subnet':
      return [voice.host, voice.account, voice.subnet]
  }
}

function failedMark(holder: Holder): string {
  return `failed ${executorKey(holder)}`
}

/** The marks of one who asks. */
export function marksOf(holder: Holder, level: Independence): string[] {
  return [...voiceMarks(holder, level), failedMark(holder)]
}

/** Of the last unit with a single voice: its neighbours in the lease have the same, and sorting costs more than all else about them. */
let single: { readonly holder: Holder; readonly level: Independence; readonly marks: readonly string[] } | null = null

/** Sorted, each once. */
export function exclusionsOf(job: JobEntry, unit: UnitInFlight): readonly string[] {
  const level = job.signed.spec.verification.independence
  const only = onlyVoice(job, unit)
  if (only === undefined) return marksAgainst(job, unit, level)
  if (single?.holder === only && single.level === level) return single.marks
  single = { holder: only, level, marks: marksAgainst(job, unit, level) }
  return single.marks
}

function onlyVoice(job: JobEntry, { active, slow, results, failures }: UnitInFlight): Holder | undefined {
  if (failures.length > 0 || active.length + slow.length + results.length !== 1) return undefined
  if (results[0] !== undefined) return results[0].holder
  const epoch = active[0] ?? slow[0]
  return epoch === undefined ? undefined : job.leases.get(epoch)?.holder
}

function marksAgainst(job: JobEntry, unit: UnitInFlight, level: Independence): readonly string[] {
  const out: string[] = []
  const add = (mark: string): void => {
    if (!out.includes(mark)) out.push(mark)
  }
  for (const epochs of [unit.active, unit.slow])
    for (const epoch of epochs) {
      const lease = job.leases.get(epoch)
      if (lease !== undefined) voiceMarks(lease.holder, level).forEach(add)
    }
  for (const { holder } of unit.results) voiceMarks(holder, level).forEach(add)
  // A failure after a foreign state may be the state's.
  for (const { holder, reason } of unit.failures) if (!isPassing(reason) && !isResumed(holder)) add(failedMark(holder))
  return out.length > 1 ? out.sort() : out
}
