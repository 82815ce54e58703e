/** Whether two values of one unit agree under the job's comparator. Pure: every host and auditor comes to the same verdict. */
import { equalBytes } from './bytes.ts'
import { unitValueBytes, type OutputSpec } from './kernel.ts'
import { outputElements } from './values.ts'
import type { Comparator } from './verification.ts'

export interface Comparison {
  readonly agree: boolean
  /**
   * `exact`: how many bytes differ. `tolerance`: the largest difference as a multiple of the difference that is permitted there.
   * Always finite, so that it can be written as JSON: NaN against a number, or a value of another length, gives MAX_DIFFERENCE.
   */
  readonly metric: number
  /** The two agree exactly when `metric <= bound`. */
  readonly bound: number
  /** One sentence with the worst place, for the page and the log. */
  readonly detail: string
}

/** The metric of values that no tolerance brings together. */
export const MAX_DIFFERENCE = Number.MAX_VALUE

/**
 * Symmetric in `a` and `b`, and any value of the right length agrees with itself. `exact` compares bytes, so −0 is not 0 and NaN
 * bits count; `tolerance` compares numbers: −0 is 0, NaN equals NaN, an infinity only itself.
 */
export function compareValues(comparator: Comparator, outputs: readonly OutputSpec[], a: Uint8Array, b: Uint8Array): Comparison {
  const bound = comparator.kind === 'exact' ? 0 : 1
  const wanted = unitValueBytes(outputs)
  if (a.length !== wanted || b.length !== wanted) {
    return { agree: false, metric: MAX_DIFFERENCE, bound, detail: `Lengths are ${a.length} and ${b.length} bytes instead of ${wanted}.` }
  }
  if (equalBytes(a, b)) return { agree: true, metric: 0, bound, detail: 'All bytes are equal.' }
  return comparator.kind === 'exact' ? compareBytes(a, b) : compareNumbers(comparator, outputs, a, b)
}

function compareBytes(a: Uint8Array, b: Uint8Array): Comparison {
  let differing = 0
  let first = -1
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue
    if (first < 0) first = i
    differing++
  }
  return { agree: false, metric: differing, bound: 0, detail: `${differing} of ${a.length} bytes differ, the first at byte ${first}.` }
}

type Tolerance = Extract<Comparator, { kind: 'tolerance' }>

function compareNumbers(tolerance: Tolerance, outputs: readonly OutputSpec[], a: Uint8Array, b: Uint8Array): Comparison {
  let metric = 0
  let worst = 'No element differs.'
  for (const { name } of outputs) {
    const right = outputElements(outputs, name, b)
    outputElements(outputs, name, a).forEach((x, index) => {
      const y = right[index] ?? Number.NaN
      const excess = differenceInTolerances(tolerance, x, y)
      if (excess <= metric) return
      metric = excess
      worst = `Largest difference at ${name}[${index}]: ${x} against ${y}.`
    })
  }
  return { agree: metric <= 1, metric, bound: 1, detail: worst }
}

/** |x − y| divided by what is permitted there; 0 for equals, at most MAX_DIFFERENCE. */
function differenceInTolerances({ absolute, relative }: Tolerance, x: number, y: number): number {
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0
  if (!Number.isFinite(x) || !Number.isFinite(y)) return MAX_DIFFERENCE
  const difference = Math.abs(x - y)
  const permitted = Math.max(absolute, relative * Math.max(Math.abs(x), Math.abs(y)))
  // Decided by comparison: the quotient alone may round to 1 from above, or underflow.
  return difference <= permitted
    ? Math.min(1, difference / permitted)
    : Math.min(MAX_DIFFERENCE, Math.max(1 + Number.EPSILON, difference / permitted))
}
