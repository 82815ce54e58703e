/** Whether two values of one unit agree under the job's comparator. Pure: every host and auditor comes to the same verdict. */
import { equalBytes } from './bytes.ts'
import { largestDifference, pairInWords } from './compare-numbers.ts'
import { MAX_DIFFERENCE } from './difference.ts'
import { ELEMENT_BYTES, unitValueBytes, type OutputSpec } from './kernel.ts'
import { outputReaders, type OutputReader } from './values.ts'
import type { Comparator } from './verification.ts'

/** Those that need no program of the job's own. */
export type PlainComparator = Exclude<Comparator, { kind: 'custom' }>

export { MAX_DIFFERENCE } from './difference.ts'

export interface Comparison {
  readonly agree: boolean
  /**
   * How far apart they are. `exact`: bytes that differ. `tolerance`: the largest difference as a multiple of what is permitted there.
   * `ulp`: the largest distance in representable numbers. `statistical`: the largest in standard errors of the difference. Always
   * finite, so that it can be written as JSON: what no bound brings together (NaN against a number, another length) is MAX_DIFFERENCE.
   */
  readonly metric: number
  /** In the measure of `metric`. The two agree exactly when `metric <= bound`. */
  readonly bound: number
  /** One sentence with the worst place, for the page and the log. */
  readonly detail: string
  /** The job's own comparator could not tell. */
  readonly failed?: true
}

/** Where something was computed. */
export interface Classed {
  readonly numericClass: string
  readonly probeVersion: number
}

export interface ClassedValue extends Classed {
  readonly value: Uint8Array
}

/** As `compareValues`, and results of one numeric class are compared exactly where the comparator says so. */
export function compareResults(comparator: Comparator, outputs: readonly OutputSpec[], a: ClassedValue, b: ClassedValue): Comparison {
  return compareValues(mustBeEqual(comparator, a, b) ? { kind: 'exact' } : comparator, outputs, a.value, b.value)
}

/** They are of one numeric class, and the comparator is strict within it. */
export function mustBeEqual(comparator: Comparator, a: Classed, b: Classed): boolean {
  const alike = a.numericClass === b.numericClass && a.probeVersion === b.probeVersion
  return alike && comparator.kind !== 'exact' && comparator.withinClass === 'exact'
}

/**
 * For values of different numeric classes. Symmetric in `a` and `b`, and any value of the right length agrees with itself. `exact`
 * compares bytes, so −0 is not 0 and NaN bits count; the others compare numbers (see `comparatorSchema`).
 * Throws RangeError for `custom`, which needs a cage.
 */
export function compareValues(comparator: Comparator, outputs: readonly OutputSpec[], a: Uint8Array, b: Uint8Array): Comparison {
  if (comparator.kind === 'custom') throw new RangeError('Cannot compare by a program of the job without a cage')
  const bound = boundOf(comparator)
  const wanted = unitValueBytes(outputs)
  if (a.length !== wanted || b.length !== wanted) {
    return { agree: false, metric: MAX_DIFFERENCE, bound, detail: `Lengths are ${a.length} and ${b.length} bytes instead of ${wanted}.` }
  }
  if (equalBytes(a, b)) return { agree: true, metric: 0, bound, detail: 'All bytes are equal.' }
  const [left, right] = [outputReaders(outputs, a), outputReaders(outputs, b)]
  if (comparator.kind === 'exact') return compareBytes(left, right, a, b)
  const { metric, detail } = largestDifference(comparator, left, right)
  return { agree: metric <= bound, metric, bound, detail }
}

export function boundOf(comparator: PlainComparator): number {
  switch (comparator.kind) {
    case 'exact':
      return 0
    case 'tolerance':
      return 1
    case 'ulp':
      return comparator.max
    case 'statistical':
      return comparator.z
  }
}

function compareBytes(left: readonly OutputReader[], right: readonly OutputReader[], a: Uint8Array, b: Uint8Array): Comparison {
  let differing = 0
  let first = -1
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue
    if (first < 0) first = i
    differing++
  }
  const output = left.findLastIndex(({ offset }) => offset <= first)
  const [x, y] = [left[output], right[output]]
  const index = x === undefined ? 0 : Math.floor((first - x.offset) / ELEMENT_BYTES[x.output.type])
  const place = x === undefined || y === undefined ? '' : `, in ${pairInWords(x, y, index)}`
  return {
    agree: false,
    metric: differing,
    bound: 0,
    detail: `${differing} of ${a.length} bytes differ, the first at byte ${first}${place}.`
  }
}
