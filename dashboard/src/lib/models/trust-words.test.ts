import { jobTrustSchema, AGREEMENT_BINS } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { spec } from '../../../dev/fixture-jobs.ts'
import { needingAttention, odds, spreadWords, STANDINGS, trustFacts, VERDICTS } from './trust-words.ts'

const { verification } = spec('keeling')
const nothing = {
  job: '0'.repeat(64),
  sentence: 'A unit is validated when 2 results agree.',
  verification,
  independence: 'host',
  executionsPerUnit: null,
  settled: 0,
  counted: 0,
  errorProbability: null,
  checkedTwice: 0,
  votes: { canonical: 0, agrees: 0, rejected: 0 },
  hosts: 0,
  accounts: 0,
  numericClasses: 0,
  histogram: { identical: 0, bins: Array.from({ length: AGREEMENT_BINS }, () => ({ agreeing: 0, rejected: 0 })), incomparable: 0 },
  reopened: 0,
  inconclusive: [],
  suspects: 0.2
}
const textOf = (change: object) =>
  trustFacts(jobTrustSchema.parse({ ...nothing, ...change })).map(({ figure, text }) =>
    `${figure} ${text}`.replaceAll(/[\u00a0\u202f]/g, ' ')
  )

describe('odds()', () => {
  it.each([
    [0.5, '1 in 2'],
    [0.0588, '1 in 17'],
    [0.001, '1 in 1 000'],
    [0.000_237, '1 in 4 200'],
    [1e-12, 'less than 1 in 1 000 000 000'],
    [0, 'none']
  ])('%d is %s', (probability, words) => {
    expect(odds(probability).replaceAll('\u202f', ' ')).toBe(words)
  })
})

describe('the facts about a job', () => {
  it('claim nothing before the first unit is settled', () => {
    expect(textOf({})).toEqual(['20 % of all executions in the fleet are supposed to come from hosts that lie or are broken.'])
  })

  it('are sentences with a figure each', () => {
    const facts = textOf({
      executionsPerUnit: 2.031,
      settled: 300,
      counted: 300,
      errorProbability: { mean: 0.0002, worst: 0.001 },
      checkedTwice: 38,
      votes: { canonical: 300, agrees: 297, rejected: 15 },
      hosts: 12,
      accounts: 9,
      numericClasses: 1,
      reopened: 1
    })
    expect(facts[0]).toBe('2.03 executions for each settled unit so far.')
    expect(facts[1]).toMatch(/^1 in 5 000 settled values .* 1 in 1 000\.$/)
    expect(facts[2]).toBe('12.7 % of the units have two or more agreeing results: 38 of 300.')
    expect(facts[3]).toBe('612 results: 300 canonical, 297 agree, 15 rejected. From 12 hosts of 9 accounts and 1 numeric class.')
    expect(facts[4]).toMatch(/^1 unit was taken back/)
    expect(facts).toHaveLength(6)
  })

  it('say when only a part of the units was counted', () => {
    expect(textOf({ settled: 1_000_000, counted: 2_048 }).at(-1)).toBe(
      '2 048 of 1 000 000 settled units were counted, spread over the job.'
    )
  })
})

describe('words', () => {
  it('give the blue of verified work to verdicts only', () => {
    expect(Object.values(STANDINGS).map(({ status }) => status)).not.toContain('validated')
    expect([VERDICTS.canonical.status, VERDICTS.rejected.status, VERDICTS.undecided.status]).toEqual(['validated', 'errored', 'attention'])
  })

  it('put banned hosts before suspects, and leave out the others', () => {
    const host = (standing: keyof typeof STANDINGS) => ({
      reputation: { standing, sentence: '', remedy: '', checks: 0, passed: 0, failures: 0, doubt: 0.1, ban: null }
    })
    const names = needingAttention([host('suspect'), host('proven'), host('banned'), host('unknown')]).map(
      ({ reputation }) => reputation.standing
    )
    expect(names).toEqual(['banned', 'suspect'])
  })

  it('say how far the results of an inconclusive unit lie apart', () => {
    const spread = {
      unit: 1,
      at: 0,
      results: 8,
      values: 8,
      leading: 1,
      nearest: { metric: 1.5, bound: 1 },
      farthest: { metric: 40, bound: 1 }
    }
    expect(spreadWords('tolerance', spread)).toBe('1.5 to 40 times what is permitted')
    expect(spreadWords('tolerance', { ...spread, nearest: null, farthest: null })).toBe('too few results')
  })
})
