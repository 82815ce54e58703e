import { jobStates, type JobSummary } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { comparatorSentence, exposureSummary, jobSentence } from './job-words.ts'
import { summary } from '../../../dev/fixture-jobs.ts'

const job: JobSummary = summary('keeling')

describe('the state sentence of a job', () => {
  it('exists for every state and is one sentence', () => {
    for (const state of jobStates) expect(jobSentence({ ...job, state })).toMatch(/^[A-Z0-9].*\.$/)
  })

  it('never claims a validated unit before there is one', () => {
    expect(jobSentence({ ...job, state: 'running', units: { ...job.units, validated: 0 } })).toBe('Running. No unit is validated yet.')
  })
})

describe('the exposure bar in words', () => {
  it('gives a count with every percentage and leaves out what is empty', () => {
    const units = { waiting: 20, inProgress: 0, validating: 0, validated: 80, errored: 0 }
    expect(exposureSummary(units, 100)).toBe('80 validated, 80\u00a0%; 20 waiting, 20\u00a0%')
  })
})

describe('the comparator in words', () => {
  it('says what may differ, and that devices which compute alike may not', () => {
    expect(comparatorSentence({ kind: 'exact' })).toBe('Every bit must be the same.')
    expect(comparatorSentence({ kind: 'tolerance', absolute: 0.5, relative: 0.001 })).toBe(
      'Values may differ by 0.001 relative or 0.5 absolute.'
    )
    expect(comparatorSentence({ kind: 'ulp', max: 4, withinClass: 'exact' })).toBe(
      'Values may differ by 4 steps of their floating-point type (ULP). On devices of one numeric class every bit must be the same.'
    )
    expect(comparatorSentence({ kind: 'statistical', z: 5, estimates: [{ mean: 'm', standardError: 's' }] })).toBe(
      'Estimates may differ by 5 standard errors of their difference.'
    )
  })
})
