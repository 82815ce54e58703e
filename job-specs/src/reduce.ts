/** Folding settled units into the job's reduced value. The order in which units settle never shows in the result. */
import { PeerComputeError } from './errors.ts'
import type { OutputSpec } from './kernel.ts'
import { outputElements } from './values.ts'
import type { Reduced, Reducer } from './verification.ts'

/** The reduced value of a job without settled units. */
export function emptyReduced(reducer: Reducer): Reduced {
  switch (reducer.kind) {
    case 'none':
      return { kind: 'none' }
    case 'sum':
      return { kind: 'sum', sum: '0' }
    case 'argmin':
      return { kind: 'argmin', value: null, unit: null, index: null }
  }
}

/**
 * Adds one settled unit. Call it once for each unit: a sum counts a repeated unit twice.
 *
 * `sum` is exact, so it needs whole numbers: integer outputs (the job schema sees to it). `argmin` takes the smallest finite element;
 * NaN and the infinities take no part, −0 counts as 0, ties go to the lowest unit, then to the lowest index.
 * Throws INTERNAL when `current` belongs to another reducer or `value` is not one of these outputs.
 */
export function reduceUnit(reducer: Reducer, outputs: readonly OutputSpec[], current: Reduced, unit: number, value: Uint8Array): Reduced {
  if (reducer.kind === 'none' && current.kind === 'none') return current
  if (reducer.kind === 'sum' && current.kind === 'sum') {
    const total = outputElements(outputs, reducer.output, value).reduce((sum, element) => sum + BigInt(element), BigInt(current.sum))
    return { kind: 'sum', sum: total.toString() }
  }
  if (reducer.kind === 'argmin' && current.kind === 'argmin') {
    const found = smallest(outputElements(outputs, reducer.output, value))
    return found !== null && precedes(found.value, unit, current) ? { kind: 'argmin', ...found, unit } : current
  }
  throw new PeerComputeError('INTERNAL', `A reduced value of kind "${current.kind}" was continued by a reducer of kind "${reducer.kind}".`)
}

/**
 * Takes one settled unit out again. Null when what is left cannot be told from this (the smallest element was in that unit): fold the
 * remaining units anew, from `emptyReduced` on.
 */
export function unreduceUnit(
  reducer: Reducer,
  outputs: readonly OutputSpec[],
  current: Reduced,
  unit: number,
  value: Uint8Array
): Reduced | null {
  if (reducer.kind === 'sum' && current.kind === 'sum') {
    const total = outputElements(outputs, reducer.output, value).reduce((sum, element) => sum - BigInt(element), BigInt(current.sum))
    return { kind: 'sum', sum: total.toString() }
  }
  return current.kind === 'argmin' && current.unit === unit ? null : current
}

/** Of two reduced values over overlapping sets of units, that over both. Only for reducers to which a repeated unit makes no difference. */
export function mergeReduced(a: Reduced, b: Reduced): Reduced {
  if (a.kind !== 'argmin' || b.kind !== 'argmin') return a
  return b.value !== null && b.unit !== null && precedes(b.value, b.unit, a) ? b : a
}

function smallest(elements: readonly number[]): { value: number; index: number } | null {
  let found: { value: number; index: number } | null = null
  for (const [index, element] of elements.entries()) {
    // Adding 0 turns −0 into 0, which JSON cannot tell apart.
    if (Number.isFinite(element) && (found === null || element < found.value)) found = { value: element + 0, index }
  }
  return found
}

function precedes(value: number, unit: number, current: Extract<Reduced, { kind: 'argmin' }>): boolean {
  if (current.value === null || current.unit === null) return true
  return value < current.value || (value === current.value && unit < current.unit)
}
