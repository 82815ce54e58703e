import { chooseVerification } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { assurances, expectedCost, hostsAtFirst, outlookOf, suggestedAssurance, wishFrom, type AssuranceForm } from './assurance.ts'

const form = (change: Partial<AssuranceForm>): AssuranceForm => ({
  assurance: 'usual',
  budget: null,
  independence: 'host',
  policy: 'credibility',
  quorum: 2,
  errorProbability: 0.001,
  maxResults: null,
  ...change
})
function chosen(change: Partial<AssuranceForm>, units = 10_000) {
  const choice = chooseVerification(wishFrom(form(change)), units)
  if (!choice.ok) throw new Error(`${choice.field} ${choice.message}`)
  return choice.verification
}

describe('how sure it must be', () => {
  it('always gives a rule that can be published', () => {
    for (const assurance of assurances)
      for (const units of [1, 100, 1_000_000]) expect(chosen({ assurance }, units).independence).toBe('host')
  })

  it('takes two results where few hosts are connected, and leaves it to the job where there are many', () => {
    expect([null, 0, 2, 19, 20].map(suggestedAssurance)).toEqual(['two', 'two', 'two', 'two', 'usual'])
    expect(chosen({ assurance: 'two' })).toMatchObject({ policy: 'quorum', quorum: 2 })
    expect(chosen({ assurance: 'usual' })).toMatchObject({ policy: 'credibility', errorProbability: 0.001 })
  })

  it('keeps to the budget, or says that it cannot', () => {
    const affordable = form({ assurance: 'paper', budget: 2 })
    expect(outlookOf(affordable, chosen(affordable), 10_000).sentence).toContain('Expected:')
    const short = form({ assurance: 'paper', budget: 1 })
    expect(outlookOf(short, chosen(short, 100), 100)).toMatchObject({
      sentence: expect.stringContaining('budget of 1 execution a unit'),
      meets: false
    })
  })

  it('lets the author name the rule', () => {
    expect(chosen({ assurance: 'own', policy: 'adaptive', quorum: 3, maxResults: 5 })).toMatchObject({
      policy: 'adaptive',
      quorum: 3,
      maxResults: 5
    })
    const own = form({ assurance: 'own', policy: 'quorum', quorum: 3 })
    expect(outlookOf(own, chosen(own), 10).sentence).toBe('A unit is validated when 3 results from different computers agree.')
  })

  it('costs more the surer it is', () => {
    const costs = (['some', 'usual', 'paper'] as const).map((assurance) => expectedCost(chosen({ assurance }), 10_000))
    expect(costs.map(({ error }) => error)).toEqual([0.01, 0.001, 0.0001])
    const executions = costs.map(({ executionsPerUnit }) => executionsPerUnit)
    expect(executions).toEqual(executions.toSorted((a, b) => a - b))
    expect(expectedCost(chosen({ assurance: 'two' }), 10).executionsPerUnit).toBeCloseTo(2.01, 3)
  })

  it('says how many independent hosts the first units need', () => {
    expect(hostsAtFirst(chosen({ assurance: 'two' }))).toBe(2)
    // Answers of newcomers are wrong with odds of 1 in 4: five of them bring that below 1 in 1 000.
    expect(hostsAtFirst(chosen({ assurance: 'usual' }))).toBe(5)
  })
})
