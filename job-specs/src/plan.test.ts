import { describe, expect, it } from 'vitest'
import { ASSUMED_FLEET, expectedExecutions, planVerification } from './plan.ts'
import { credibilityExecutions, resultsAtFirst, votingError, votingExecutions } from './voting.ts'

describe('the formulas', () => {
  it('say how many strangers must agree: four fifths of them are supposed to be right', () => {
    // 1 / (1 + 4ⁿ) ≤ p
    expect([0.1, 0.01, 0.001, 0.0001].map(resultsAtFirst)).toEqual([2, 4, 5, 7])
  })

  it.each([
    [2, 0.2, 0.104],
    [3, 0.2, 0.0579],
    [2, 0.02, 0.00118]
  ])('m-first voting with m = %d and %d lies errs as published', (quorum, lies, error) => {
    expect(votingError(quorum, lies)).toBeCloseTo(error, 4)
  })

  it('voting takes the quorum where nobody lies, and more where some do', () => {
    expect(votingExecutions(3, 0)).toBe(3)
    expect(votingExecutions(2, 0.5)).toBeCloseTo(2.5, 9)
  })

  it('credibility begins above two executions and comes down to its checks as hosts pass theirs', () => {
    const costOf = (units: number) => credibilityExecutions({ ...ASSUMED_FLEET, units, hosts: 200, errorProbability: 0.001 })
    const costs = [100, 1_000, 10_000, 100_000, 1e7].map(costOf)
    expect(costs).toEqual([...costs].sort((a, b) => b - a))
    expect(costs[0]).toBeGreaterThan(3)
    expect(costs.at(-1)).toBeCloseTo(1.055, 2)
  })

  it('a looser error is never dearer', () => {
    const costs = [1e-6, 1e-4, 0.001, 0.01, 0.1].map((errorProbability) =>
      credibilityExecutions({ ...ASSUMED_FLEET, units: 10_000, hosts: 200, errorProbability })
    )
    expect(costs).toEqual([...costs].sort((a, b) => b - a))
  })
})

describe('expectedExecutions()', () => {
  const common = { independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 } as const

  it('is what the policies took in simulations: adaptive replication begins at two and comes down to one', () => {
    const adaptive = (unitCount: number) => expectedExecutions({ unitCount, verification: { policy: 'adaptive', quorum: 2, ...common } })
    expect(adaptive(100)).toBeCloseTo(2.01, 2)
    // 10 000 units on 200 hosts took 1.19, with fewer hosts less.
    expect(adaptive(10_000)).toBeGreaterThan(1.05)
    expect(adaptive(10_000)).toBeLessThan(1.19)
    expect(adaptive(1e9)).toBeCloseTo(1, 2)
  })

  it('of a quorum is little more than the quorum, and of a plan what the plan says', () => {
    expect(expectedExecutions({ unitCount: 5, verification: { policy: 'quorum', quorum: 2, ...common } })).toBeCloseTo(2.01, 2)
    const { executionsPerUnit } = planVerification({ units: 5_000, hasVerifier: false })
    const verification = { policy: 'credibility', errorProbability: 0.001, ...common } as const
    expect(expectedExecutions({ unitCount: 5_000, verification })).toBe(executionsPerUnit)
  })
})

describe('planVerification()', () => {
  it('takes the check of the job where there is one', () => {
    const plan = planVerification({ units: 10, hasVerifier: true, budget: 1 })
    expect(plan).toMatchObject({ rule: { policy: 'verifier' }, meets: true })
    expect(plan.executionsPerUnit).toBeLessThan(1.03)
  })

  it.each([
    [{ units: 999 }, 'fewer than 1000 units'],
    [{ units: 1e6, critical: true }, 'critical']
  ])('lets three agree for %j', (request, reason) => {
    const plan = planVerification({ hasVerifier: false, ...request })
    expect(plan).toMatchObject({ rule: { policy: 'quorum', quorum: 3 }, meets: true })
    expect(plan.explanation).toContain(reason)
  })

  it('lets more agree where three would err too often', () => {
    const fleet = { ...ASSUMED_FLEET, liars: 0.2, lying: 1 }
    const { rule, expectedError } = planVerification({ units: 10, hasVerifier: false, errorProbability: 0.03, fleet })
    expect(rule).toEqual({ policy: 'quorum', quorum: 5 })
    expect(expectedError).toBeLessThan(0.03)
  })

  it('takes credibility otherwise, and says the error and the cost that it expects', () => {
    const plan = planVerification({ units: 100_000, hasVerifier: false, errorProbability: 0.001, budget: 1.5 })
    expect(plan).toMatchObject({ rule: { policy: 'credibility', errorProbability: 0.001 }, expectedError: 0.001, meets: true })
    expect(plan.explanation).toMatch(/at most 0\.1 %.*executions a unit.*5 % of 100 computers/)
  })

  it('takes fewer results where the budget forbids more, and says what that means', () => {
    const two = planVerification({ units: 100, hasVerifier: false, errorProbability: 1e-5, budget: 2 })
    expect(two).toMatchObject({ rule: { policy: 'quorum', quorum: 2 }, meets: false })
    expect(two.explanation).toMatch(/The budget of 2 executions .* 2 results must agree.*more than the 0\.001 % asked for/)
    const one = planVerification({ units: 100, hasVerifier: false, budget: 1 })
    expect(one).toMatchObject({ rule: { policy: 'quorum', quorum: 1 }, meets: false })
    expect(one.explanation).toContain('each result is believed as it is')
  })
})
