/** Whether two results of one unit agree. A pair of large values takes tens of milliseconds, and a unit is looked at many times. */
import { compareResults, type Comparator, type JobSpec } from '@peercompute/job-specs'
import type { PendingResult } from './unit.ts'

interface Verdict {
  readonly comparator: Comparator
  readonly agree: boolean
}

/** By pair, the result of the lower epoch first. It lives as long as both. */
const known = new WeakMap<PendingResult, WeakMap<PendingResult, Verdict>>()

export function agree(a: PendingResult, b: PendingResult, spec: JobSpec): boolean {
  if (a.digest === b.digest) return true
  const { comparator } = spec.verification
  if (comparator.kind === 'exact') return false
  const [first, second] = a.epoch <= b.epoch ? [a, b] : [b, a]
  const verdicts = known.get(first) ?? new WeakMap<PendingResult, Verdict>()
  const verdict = verdicts.get(second)
  if (verdict?.comparator === comparator) return verdict.agree
  const { agree } = compareResults(comparator, spec.outputs, first, second)
  known.set(first, verdicts.set(second, { comparator, agree }))
  return agree
}
