/** The agreement histogram: where its bars stand, and what it says in words. Pure; the drawing is somewhere else. */
import { AGREEMENT_BINS, AGREEMENT_LOG_MAX, AGREEMENT_LOG_MIN, type AgreementHistogram } from '@peercompute/job-specs'
import { count, fixed, plural } from './format.ts'

export interface Bar {
  readonly kind: 'identical' | 'agreeing' | 'rejected'
  readonly x: number
  readonly width: number
  /** From the top. */
  readonly y: number
  readonly height: number
  readonly amount: number
  /** It is taller than the figure, and drawn with a gap. */
  readonly isBroken: boolean
}

export interface Tick {
  readonly x: number
  readonly label: string
  readonly anchor: 'start' | 'middle' | 'end'
}

export interface AgreementPlot {
  readonly bars: readonly Bar[]
  readonly ticks: readonly Tick[]
  /** Of the dashed line. */
  readonly boundX: number
  /** Of the axis, from the top. */
  readonly baseY: number
}

/** Room above for words, and beneath for ticks. */
const ABOVE = 38
const BENEATH = 24
/** A bar of one result can be seen. */
const LEAST = 3

/** Columns: identical, the bins, incomparable. */
const COLUMNS = AGREEMENT_BINS + 2

export function agreementPlot({ identical, bins, incomparable }: AgreementHistogram, width: number, height: number): AgreementPlot {
  const column = width / COLUMNS
  const baseY = height - BENEATH
  const largest = Math.max(1, incomparable, ...bins.map(({ agreeing, rejected }) => agreeing + rejected))
  // Most results are identical as a rule: that bar is cut where it would press all others flat.
  const top = Math.max(largest * 1.15, Math.min(identical, largest * 1.6))
  const tall = (amount: number) => (amount === 0 ? 0 : Math.max(LEAST, Math.min(1, amount / top) * (baseY - ABOVE)))
  const bar = (kind: Bar['kind'], at: number, amount: number, under = 0): Bar[] =>
    amount === 0
      ? []
      : [
          {
            kind,
            x: at * column + 1,
            width: Math.max(2, column - 2),
            y: baseY - under - tall(amount),
            height: tall(amount),
            amount,
            isBroken: amount > top
          }
        ]
  const logX = (log: number) => (1 + ((log - AGREEMENT_LOG_MIN) / (AGREEMENT_LOG_MAX - AGREEMENT_LOG_MIN)) * AGREEMENT_BINS) * column
  const powers = width < 480 ? [-8, -4, 0, 4] : [-8, -6, -4, -2, 0, 2, 4]
  return {
    bars: [
      ...bar('identical', 0, identical),
      ...bins.flatMap(({ agreeing, rejected }, index) => [
        ...bar('agreeing', index + 1, agreeing),
        ...bar('rejected', index + 1, rejected, tall(agreeing))
      ]),
      ...bar('rejected', AGREEMENT_BINS + 1, incomparable)
    ],
    ticks: powers.map((power) => {
      // The last one stands at the edge.
      const isLast = power === AGREEMENT_LOG_MAX
      return { x: isLast ? width : logX(power), label: tickLabel(power), anchor: isLast ? 'end' : 'middle' }
    }),
    boundX: logX(0),
    baseY
  }
}

/** Where digits are shorter than an exponent, digits. */
function tickLabel(power: number): string {
  if (power === 0) return 'bound'
  return power < -3 ? `1e${power}` : power < 0 ? fixed(10 ** power, -power) : count(10 ** power)
}

export interface AgreementRow {
  readonly distance: string
  readonly agreeing: number
  readonly rejected: number
}

/** The same as a table, empty bins left out. */
export function agreementRows({ identical, bins, incomparable }: AgreementHistogram): readonly AgreementRow[] {
  const step = (AGREEMENT_LOG_MAX - AGREEMENT_LOG_MIN) / AGREEMENT_BINS
  const power = (exponent: number) => (exponent === 0 ? '1' : (10 ** exponent).toExponential(0))
  const rows = bins.map((bin, index) => {
    const from = AGREEMENT_LOG_MIN + index * step
    const distance =
      index === 0
        ? `up to ${power(from + step)}`
        : index === AGREEMENT_BINS - 1
          ? `more than ${power(from)}`
          : `${power(from)} to ${power(from + step)}`
    return { distance, ...bin }
  })
  return [
    { distance: 'identical', agreeing: identical, rejected: 0 },
    ...rows,
    { distance: 'cannot be measured', agreeing: 0, rejected: incomparable }
  ].filter(({ agreeing, rejected }) => agreeing + rejected > 0)
}

export function rejectedOf({ bins, incomparable }: AgreementHistogram): number {
  return bins.reduce((sum, { rejected }) => sum + rejected, incomparable)
}

export function agreeingOf({ bins }: AgreementHistogram): number {
  return bins.reduce((sum, { agreeing }) => sum + agreeing, 0)
}

/** What the figure shows, for those who do not see it. */
export function agreementSummary(histogram: AgreementHistogram): string {
  const [near, rejected] = [agreeingOf(histogram), rejectedOf(histogram)]
  if (histogram.identical + near + rejected === 0) return 'No unit has a second result yet.'
  return `Distance of the other results from the kept one: ${count(histogram.identical)} identical, ${plural(near, 'differs', 'differ')} within the bound, ${count(rejected)} rejected.`
}
