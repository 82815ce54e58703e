/** The place where two values of the same outputs lie furthest apart, in the measure of a comparator of numbers. */
import {
  differenceInStandardErrors,
  differenceInTolerances,
  differenceInUlps,
  differenceOfEquals,
  differenceOfErrors,
  MAX_DIFFERENCE
} from './difference.ts'
import type { OutputReader } from './values.ts'
import type { Comparator } from './verification.ts'

/** With ten samples each, chance alone makes one standard error twice the other in one case of twenty (F test); with more, rarely. */
const ERROR_RATIO_DEFAULT = 2

type Numeric = Exclude<Comparator, { kind: 'exact' | 'custom' }>

/** `metric` in the comparator's own measure; `detail` names the place in one sentence. The readers are of values of the same outputs. */
export function largestDifference(
  comparator: Numeric,
  left: readonly OutputReader[],
  right: readonly OutputReader[]
): { readonly metric: number; readonly detail: string } {
  let metric = 0
  let worst = ''
  left.forEach((x, output) => {
    const y = right[output]
    if (y === undefined) return
    const measure = measureOf(comparator, left, right, x, y)
    let place = -1
    for (let index = 0; index < x.count; index++) {
      const difference = measure(index)
      if (difference <= metric) continue
      metric = difference
      place = index
    }
    if (place >= 0) worst = pairInWords(x, y, place)
  })
  const detail = metric === 0 ? 'No number differs, though bytes do.' : `Largest difference at ${worst}: ${inWords(comparator, metric)}.`
  return { metric, detail }
}

type Measure = (index: number) => number

function measureOf(
  comparator: Numeric,
  left: readonly OutputReader[],
  right: readonly OutputReader[],
  x: OutputReader,
  y: OutputReader
): Measure {
  switch (comparator.kind) {
    case 'tolerance':
      return (index) => differenceInTolerances(comparator, x.at(index), y.at(index))
    case 'ulp':
      return (index) => differenceInUlps(x.output.type, x.at(index), y.at(index))
    case 'statistical': {
      const { name } = x.output
      const estimate = comparator.estimates.find(({ mean, standardError }) => name === mean || name === standardError)
      if (estimate === undefined) return (index) => differenceOfEquals(x.at(index), y.at(index))
      if (name === estimate.standardError) {
        const most = comparator.errorRatio ?? ERROR_RATIO_DEFAULT
        return (index) => differenceOfErrors(most, x.at(index), y.at(index))
      }
      const place = left.findIndex(({ output }) => output.name === estimate.standardError)
      const [sx, sy] = [left[place], right[place]]
      return (index) => differenceInStandardErrors(x.at(index), y.at(index), sx?.at(index) ?? Number.NaN, sy?.at(index) ?? Number.NaN)
    }
  }
}

function inWords(comparator: Numeric, metric: number): string {
  if (metric === MAX_DIFFERENCE) return 'no bound permits that'
  const amount = Number(metric.toPrecision(3))
  switch (comparator.kind) {
    case 'tolerance':
      return `${amount} times what is permitted`
    case 'ulp':
      return `${metric} ULP, permitted are ${comparator.max}`
    case 'statistical':
      return `${amount} standard errors, permitted are ${comparator.z}`
  }
}

/** "x[3]: 1 against 2". */
export function pairInWords(x: OutputReader, y: OutputReader, index: number): string {
  return `${x.output.name}[${index}]: ${shown(x.at(index))} against ${shown(y.at(index))}`
}

function shown(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
