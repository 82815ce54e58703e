/** What a job is doing, as sentences with numbers. */
import type { Comparator, JobSummary, UnitCounts } from '@peercompute/job-specs'
import { count, decimal, percent } from './format.ts'

/** The state sentence that opens the job page. */
export function jobSentence(job: JobSummary): string {
  const done = job.units.validated
  const all = count(job.unitCount)
  switch (job.state) {
    case 'queued':
      return job.held ? 'Waiting for the operator’s approval.' : 'Waiting for its files.'
    case 'running':
      return done === 0 ? 'Running. No unit is validated yet.' : `${count(done)} of ${all} units are validated.`
    case 'paused':
      return `Paused at ${count(done)} of ${all} units.`
    case 'completed':
      return job.unitCount === 1 ? 'Complete: its unit is validated.' : `Complete: all ${all} units are validated.`
    case 'failed':
      return `Ended with ${count(job.units.errored)} of ${all} units unsettled.`
    case 'cancelled':
      return `Cancelled at ${count(done)} of ${all} units.`
    case 'retired':
      return 'Retired. Its results were put away.'
  }
}

export const countOrder = ['validated', 'validating', 'inProgress', 'errored', 'waiting'] as const satisfies readonly (keyof UnitCounts)[]
export type CountName = (typeof countOrder)[number]

/** Swatch letter (base.css) and word of each count. */
export const COUNT_WORDS: Record<CountName, { readonly swatch: string; readonly word: string; readonly plain: string }> = {
  validated: { swatch: 'v', word: 'validated', plain: 'verified' },
  validating: { swatch: 'j', word: 'validating', plain: 'waiting for a second computer' },
  inProgress: { swatch: 'r', word: 'in progress', plain: 'being computed' },
  errored: { swatch: 'e', word: 'errored', plain: 'given up' },
  waiting: { swatch: 'w', word: 'waiting', plain: 'not started' }
}

export function exposureSummary(units: UnitCounts, unitCount: number): string {
  return countOrder
    .filter((name) => units[name] > 0 || name === 'validated')
    .map((name) => `${count(units[name])} ${COUNT_WORDS[name].word}, ${percent(units[name], unitCount)}`)
    .join('; ')
}

/** When two results agree. */
export function comparatorSentence(comparator: Comparator): string {
  if (comparator.kind === 'exact') return 'Every bit must be the same.'
  if (comparator.kind === 'custom') return 'The job brings a program of its own that decides.'
  return `${differenceSentence(comparator)}${comparator.withinClass === 'exact' ? ' On devices of one numeric class every bit must be the same.' : ''}`
}

function differenceSentence(comparator: Exclude<Comparator, { kind: 'exact' | 'custom' }>): string {
  switch (comparator.kind) {
    case 'tolerance':
      return `Values may differ by ${decimal(comparator.relative, 3)} relative or ${decimal(comparator.absolute, 3)} absolute.`
    case 'ulp':
      return `Values may differ by ${count(comparator.max)} steps of their floating-point type (ULP).`
    case 'statistical':
      return `Estimates may differ by ${decimal(comparator.z, 3)} standard errors of their difference.`
  }
}

/** The same for volunteers. */
export const SAME_COMPUTER_SENTENCE =
  'Every answer so far comes from one computer, found twice by different programs. That checks the programs, not the computer.'

/** Names whom the reader trusts when nobody else has looked. */
export const SAME_MACHINE_SENTENCE =
  'Every result so far comes from executors of one and the same machine. They check the programs against each other, not the machine.'
