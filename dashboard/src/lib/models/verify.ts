/** What the page "Verify" shows of a check and of a unit that was computed again. Pure. */
import { outputReaders, type Comparison, type ExecutorKind, type OutputSpec } from '@peercompute/job-specs'
import type { CheckReport, CheckVerdict } from '@peercompute/job-specs/download'
import { count, plural } from './format.ts'
import type { IconName } from './status.ts'

/** By class name: blue is for what was verified, and nothing else. */
export const VERDICTS: Readonly<
  Record<CheckVerdict, { readonly icon: IconName; readonly tone: 'ok' | 'warn' | 'bad'; readonly word: string }>
> = {
  ok: { icon: 'ok', tone: 'ok', word: 'holds' },
  open: { icon: 'warn', tone: 'warn', word: 'open' },
  fail: { icon: 'bad', tone: 'bad', word: 'does not hold' }
}

export function verifySentence(report: CheckReport | null, checkingUnits: number | null): string {
  if (checkingUnits !== null)
    return checkingUnits === 0 ? 'Checking the download.' : `Checking the download: ${plural(checkingUnits, 'unit', 'units')} so far.`
  if (report === null) return 'Check a result yourself.'
  const failed = report.steps.filter(({ verdict }) => verdict === 'fail').length
  if (failed > 0) return `${failed === 1 ? 'One check does' : `${count(failed)} checks do`} not hold. Do not use this file.`
  const open = report.steps.filter(({ verdict }) => verdict === 'open').length
  const rest = open === 0 ? '' : open === 1 ? ', one check is open' : `, ${count(open)} checks are open`
  return `${plural(report.units, 'unit', 'units')}: everything holds${rest}.`
}

export interface RerunValues {
  readonly unit: number
  readonly executor: ExecutorKind
  readonly numericClass: string
  readonly there: Uint8Array
  readonly here: Uint8Array
  readonly ms: number
  /** Null: the job compares by a program of its own, and the bytes differ. */
  readonly comparison: Comparison | null
}

export interface ElementPair {
  /** Output, with the index where it has several elements. */
  readonly label: string
  readonly there: number
  readonly here: number
  readonly difference: number
}

export const PAIRS_SHOWN = 8

/** The elements that differ most, the first ones where none does; in their order. */
export function elementPairs(outputs: readonly OutputSpec[], there: Uint8Array, here: Uint8Array): readonly ElementPair[] {
  const right = outputReaders(outputs, here)
  const all = outputReaders(outputs, there).flatMap((reader, output) =>
    Array.from({ length: reader.count }, (_, index): ElementPair => {
      const [a, b] = [reader.at(index), right[output]?.at(index) ?? Number.NaN]
      const difference = Object.is(a, b) || a === b ? 0 : Math.abs(a - b)
      return { label: reader.count === 1 ? reader.output.name : `${reader.output.name}[${index}]`, there: a, here: b, difference }
    })
  )
  const shown = new Set([...all].sort((a, b) => rank(b.difference) - rank(a.difference)).slice(0, PAIRS_SHOWN))
  return all.filter((pair) => shown.has(pair))
}

/** A difference that is no number is the largest. */
function rank(difference: number): number {
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
}
