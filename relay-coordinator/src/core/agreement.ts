/** How far two results of one unit are apart. A pair of large values takes tens of milliseconds, and a unit is looked at many times. */
import { compareResults, type ClassedValue, type Comparator, type Comparison, type JobSpec } from '@peercompute/job-specs'
import type { PendingResult } from './unit.ts'

/** Runs the job's own comparator in a cage. Throws what the catalogue has for programs that fail. */
export type CustomComparison = (spec: JobSpec, a: ClassedValue, b: ClassedValue) => Comparison

interface Known {
  readonly comparator: Comparator
  readonly comparison: Comparison
}

const EQUAL: Comparison = { agree: true, metric: 0, bound: 0, detail: 'All bytes are equal.' }

/** By pair, the result of the lower epoch first. It lives as long as both. */
const known = new WeakMap<PendingResult, WeakMap<PendingResult, Known>>()

export function compared(a: PendingResult, b: PendingResult, spec: JobSpec, custom: CustomComparison): Comparison {
  if (a.digest === b.digest) return EQUAL
  const { comparator } = spec.verification
  const [first, second] = a.epoch <= b.epoch ? [a, b] : [b, a]
  const comparisons = known.get(first) ?? new WeakMap<PendingResult, Known>()
  const before = comparisons.get(second)
  if (before?.comparator === comparator) return before.comparison
  const comparison = comparator.kind === 'custom' ? custom(spec, first, second) : compareResults(comparator, spec.outputs, first, second)
  known.set(first, comparisons.set(second, { comparator, comparison }))
  return comparison
}
