/**
 * Who may not take a unit, as marks: a holder may take it when none of its own marks is among them. Units with the same marks wait
 * in the same queue, so that a host passes over all that it may not have in one look.
 */
import type { Independence, UnitFailure } from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { UnitInFlight } from './unit.ts'

/** Failures that another try on the same host could turn out otherwise. */
const PASSING_FAILURES: ReadonlySet<UnitFailure> = new Set([
  'timeout',
  'device_lost',
  'out_of_memory',
  'missing_blob',
  'verifier_failed',
  'cancelled'
])

export function isPassing(failure: UnitFailure): boolean {
  return PASSING_FAILURES.has(failure)
}

export function executorKey(holder: Holder): string {
  return `${holder.host}/${holder.executor}`
}

/** Two holders share a mark exactly when they are dependent at this level. */
export function voiceMarks(holder: Holder, level: Independence): string[] {
  switch (level) {
    case 'executor':
      return [executorKey(holder)]
    case 'host':
      return [holder.host]
    case 'owner':
      return [holder.host, holder.account]
    case 'subnet':
      return [holder.host, holder.account, holder.subnet]
  }
}

function failedMark(holder: Holder): string {
  return `failed ${executorKey(holder)}`
}

/** The marks of one who asks. */
export function marksOf(holder: Holder, level: Independence): string[] {
  return [...voiceMarks(holder, level), failedMark(holder)]
}

/** Sorted, each once. */
export function exclusionsOf(job: JobEntry, unit: UnitInFlight): readonly string[] {
  const level = job.signed.spec.verification.independence
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
  for (const { holder, reason } of unit.failures) if (!isPassing(reason)) add(failedMark(holder))
  return out.length > 1 ? out.sort() : out
}
