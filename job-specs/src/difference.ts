/** How far two numbers lie apart in a comparator's own measure: 0 for equals, at most MAX_DIFFERENCE, symmetric. */
import type { ElementType } from './kernel.ts'
import { ulpDistance } from './ulp-distance.ts'
import type { Comparator } from './verification.ts'

/** The metric of values that no bound brings together. Finite, so that it can be written as JSON. */
export const MAX_DIFFERENCE = Number.MAX_VALUE

/** What is settled before any arithmetic: NaN equals NaN only, an infinity only itself. `null`: two finite numbers that differ. */
function differenceAtOnce(x: number, y: number): number | null {
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0
  return Number.isFinite(x) && Number.isFinite(y) ? null : MAX_DIFFERENCE
}

/** |x − y| divided by what is permitted there: at most 1 exactly when it is permitted. */
export function differenceInTolerances(
  { absolute, relative }: Pick<Extract<Comparator, { kind: 'tolerance' }>, 'absolute' | 'relative'>,
  x: number,
  y: number
): number {
  const atOnce = differenceAtOnce(x, y)
  if (atOnce !== null) return atOnce
  const difference = Math.abs(x - y)
  const permitted = Math.max(absolute, relative * Math.max(Math.abs(x), Math.abs(y)))
  // Decided by comparison: the quotient alone may round to 1 from above, or underflow.
  return difference <= permitted
    ? Math.min(1, difference / permitted)
    : Math.min(MAX_DIFFERENCE, Math.max(1 + Number.EPSILON, difference / permitted))
}

export function differenceInUlps(type: ElementType, x: number, y: number): number {
  return differenceAtOnce(x, y) ?? Math.min(MAX_DIFFERENCE, ulpDistance(type, x, y))
}

/** Of values that may not differ as numbers of any kind; unlike elsewhere −0 is not 0. */
export function differenceOfEquals(x: number, y: number): number {
  return Object.is(x, y) ? 0 : MAX_DIFFERENCE
}

/** A usable standard error: finite and not negative. */
const isError = (s: number) => Number.isFinite(s) && s >= 0

/** Zeta score |x − y| / √(sx² + sy²). Without a spread, or with an error that is none, only equal means agree. */
export function differenceInStandardErrors(x: number, y: number, sx: number, sy: number): number {
  const atOnce = differenceAtOnce(x, y)
  if (atOnce !== null) return atOnce
  if (!isError(sx) || !isError(sy)) return MAX_DIFFERENCE
  const larger = Math.max(sx, sy)
  if (larger === 0) return MAX_DIFFERENCE
  const ratio = Math.min(sx, sy) / larger
  // Scaled, so that squares neither overflow nor vanish; Math.hypot may round differently from one engine to the next.
  return Math.min(MAX_DIFFERENCE, Math.abs(x - y) / larger / Math.sqrt(1 + ratio * ratio))
}

/** 0 when neither standard error is more than `most` times the other, MAX_DIFFERENCE otherwise. */
export function differenceOfErrors(most: number, sx: number, sy: number): number {
  const atOnce = differenceAtOnce(sx, sy)
  if (atOnce !== null) return atOnce
  return isError(sx) && isError(sy) && Math.max(sx, sy) <= most * Math.min(sx, sy) ? 0 : MAX_DIFFERENCE
}
