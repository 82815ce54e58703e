/** How much of a fleet is suspected, from what comparisons have shown. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { connectedHost, smallSpec, unsigned } from '../testing/fixtures.ts'
import { addReputation, changeReputation, emptyFleetTrust, type FleetTrust } from './fleet-trust.ts'
import { forgive, hasDiffered, hasExecuted, hasFailed, hasPassed, programOf, reputationFrom, type Reputation } from './reputation.ts'
import { badProbability, SUSPECTS_AT_FIRST } from './suspicion.ts'

const { job } = unsigned(smallSpec())

function addHost(trust: FleetTrust, name: string): Reputation {
  const program = programOf(smallSpec(), 'js')
  if (program === null) throw new Error('The small job has a program for js')
  const { host } = connectedHost(name)
  const reputation = reputationFrom({ host, executor: 'js', program, passed: 0, checks: 0, failures: 0, colluded: 0 })
  addReputation(trust, reputation)
  return reputation
}

const fail = (reputation: Reputation) => {
  hasFailed(reputation, { job, unit: 1, witnesses: [] }, false)
}

it('a fifth is suspected before anything is known, and less with every comparison of an honest fleet', () => {
  const trust = emptyFleetTrust()
  expect(trust.suspects).toBe(SUSPECTS_AT_FIRST)
  const hosts = Array.from({ length: 20 }, (_, n) => addHost(trust, `host ${n}`))
  let before = trust.suspects
  for (let round = 0; round < 1_000; round++) {
    for (const each of hosts) changeReputation(trust, each, hasPassed)
    expect(trust.suspects).toBeLessThan(before)
    before = trust.suspects
  }
  expect(trust.suspects).toBeCloseTo(10 / 1_050, 4)
})

it('it rises as soon as hosts that were trusted fail', () => {
  const trust = emptyFleetTrust()
  const hosts = Array.from({ length: 20 }, (_, n) => addHost(trust, `host ${n}`))
  for (let round = 0; round < 300; round++) for (const each of hosts) changeReputation(trust, each, hasPassed)
  const before = trust.suspects
  for (const each of hosts.slice(0, 4)) for (let n = 0; n < 3; n++) changeReputation(trust, each, fail)
  expect(trust.suspects).toBeGreaterThan(before + 0.1)
})

it('an error in a thousand comparisons does not make a host bad, one in thirty does', () => {
  const after = (checks: number, failures: number) =>
    badProbability({ checks, failures, recent: { checks: Math.min(checks, 40), failures: 0, colluded: 0 } })
  expect(after(1_000, 1)).toBeLessThan(0.001)
  expect(after(200, 6)).toBeGreaterThan(0.99)
  expect(after(1e7, 1e7)).toBe(1)
})

it('the sum that is kept is the sum over all hosts', () => {
  const change = fc.record({ host: fc.nat(4), change: fc.constantFrom(hasPassed, hasPassed, hasExecuted, hasDiffered, fail, forgive) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
      const trust = emptyFleetTrust()
      const hosts = Array.from({ length: 5 }, (_, n) => addHost(trust, `host ${n}`))
      for (const each of changes) {
        const reputation = hosts[each.host]
        if (reputation !== undefined) changeReputation(trust, reputation, each.change)
      }
      const sum = (of: (reputation: Reputation) => number) => hosts.reduce((total, each) => total + of(each), 0)
      expect(trust.evidence.executions).toBe(sum(({ executions }) => executions))
      expect(trust.evidence.suspicious).toBeCloseTo(
        sum(({ executions, bad }) => executions * bad),
        6
      )
      for (const { recent } of hosts) expect(recent.failures).toBeLessThanOrEqual(recent.checks)
    }),
    { numRuns: 200 }
  )
})
