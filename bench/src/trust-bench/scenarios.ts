/** What is simulated: each row with its fleet, its policy and what it must reach. */
import type { Verification } from '@peercompute/job-specs'
import { faultyHosts, honestHosts, liars, type SimulatedGroup } from '@peercompute/relay-coordinator/simulation'
import { ADAPTIVE, CREDIBILITY, fleetWithLiars, quorumOf, type Scenario } from './fleets.ts'

export interface Case {
  readonly id: string
  readonly scenario: Scenario
  readonly seeds: number
  /** Percent of the accepted units that are wrong. */
  readonly error: string | null
  /** Executions of each unit. */
  readonly executions: string | null
}

const SEEDS = 10
const UNITS = 10_000
const MANY_UNITS = 200_000

/** The six columns of the comparison of policies: share of liars, how often they lie. */
const COLUMNS: readonly Pick<Scenario, 'groups' | 'churn'>[] = [
  { groups: fleetWithLiars(0.05, 0.1), churn: 0 },
  { groups: fleetWithLiars(0.2, 0.1), churn: 0 },
  { groups: fleetWithLiars(0.05, 1), churn: 0 },
  { groups: fleetWithLiars(0.2, 1), churn: 0 },
  { groups: fleetWithLiars(0.2, 0.5, { honestFor: 30 }), churn: 0 },
  { groups: fleetWithLiars(0.2, 0.1), churn: 0.02 }
]

function columns(name: string, verification: Verification, targetsOf: (column: number) => Pick<Case, 'error' | 'executions'>): Case[] {
  return COLUMNS.map((column, index) => ({
    id: `${name}.${index + 1}`,
    scenario: { ...column, units: UNITS, verification, time: 'random order' },
    seeds: SEEDS,
    ...targetsOf(index + 1)
  }))
}

const NOT_JUDGED = { error: null, executions: null }

/** Sleepers must have slept for long and been awake as long: hence more units, the longer they sleep. */
function sleepers(honestFor: number, units: number, seeds: number): Case {
  const groups = fleetWithLiars(0.2, 0.5, { honestFor })
  return {
    id: `cred.sleepers.${honestFor}`,
    scenario: { groups, churn: 0, units, verification: CREDIBILITY, time: 'random order' },
    seeds,
    error: '<= 0.25',
    executions: null
  }
}

export const JUDGED: readonly Case[] = [
  ...columns('cred', CREDIBILITY, (column) => ({ error: '<= 0.1', executions: column === 2 ? '<= 2.2' : '<= 2.6' })),
  {
    id: 'cred.long',
    scenario: { groups: fleetWithLiars(0.05, 0.1), churn: 0, units: MANY_UNITS, verification: CREDIBILITY, time: 'random order' },
    seeds: 1,
    error: '<= 0.1',
    executions: '<= 1.25'
  },
  {
    id: 'cred.honest',
    scenario: { groups: fleetWithLiars(0, 0), churn: 0, units: MANY_UNITS, verification: CREDIBILITY, time: 'random order' },
    seeds: 1,
    error: '<= 0.1',
    executions: '<= 1.15'
  },
  sleepers(30, UNITS, SEEDS),
  sleepers(300, 10 * UNITS, 2),
  sleepers(900, 30 * UNITS, 1)
]

/** Other ways to be wrong. */
function other(name: string, groups: readonly SimulatedGroup[]): Case {
  const scenario = { groups, churn: 0, units: UNITS, verification: CREDIBILITY, time: 'random order' } as const
  return { id: `cred.${name}`, scenario, seeds: SEEDS, ...NOT_JUDGED }
}

/** Everything at once, with thousands of hosts of different speed. */
const speed = [1e8, 1e10] as const
const FLEET: readonly SimulatedGroup[] = [
  honestHosts(2_500, { speed, silent: 0.01, straggling: 0.01, clockSkewMs: 86_400_000 }),
  faultyHosts(50, 0.2, { speed }),
  liars(150, 0.3, { speed }),
  liars(50, 0.5, { speed, name: 'sleepers', honestFor: 30 }),
  liars(50, 0.01, { speed, name: 'slow liars' }),
  liars(100, 0.5, { speed, name: 'sybils', owners: 1, subnets: 2 }),
  liars(100, 1, { speed, name: 'lazy', wrong: 'constant' })
]

export const FOR_COMPARISON: readonly Case[] = [
  ...columns('quorum2', quorumOf(2), () => NOT_JUDGED),
  ...columns('quorum3', quorumOf(3), () => NOT_JUDGED),
  ...columns('adaptive', ADAPTIVE, () => NOT_JUDGED),
  other('slow', fleetWithLiars(0.2, 0.01)),
  other('random', fleetWithLiars(0.2, 0.1, { wrong: 'different' })),
  other('lazy', fleetWithLiars(0.2, 1, { wrong: 'constant' })),
  other('faulty', [honestHosts(180), faultyHosts(20, 0.2)]),
  other('sybils', [honestHosts(100), liars(100, 0.5, { owners: 1, subnets: 2 })]),
  {
    id: 'cred.fleet',
    scenario: { groups: FLEET, churn: 0.01, units: 10 * UNITS, verification: CREDIBILITY, time: 'timeline' },
    seeds: 1,
    ...NOT_JUDGED
  }
]
