/** The trust of the core against fleets that lie. Every run is decided by its seed; `npm run bench -- trust` is the long form. */
import { describe, expect, it } from 'vitest'
import { ASSUMED_FLEET, blobRef, planVerification, SUPPOSED_LIARS, utf8, votingExecutions, type Verification } from '@peercompute/job-specs'
import { SUSPECTS_AT_FIRST } from '../core/index.ts'
import { estimateTrust, faultyHosts, honestHosts, liars, simulate, type SimulationOptions, type SimulationReport } from './index.ts'

const common = { independence: 'subnet', comparator: { kind: 'exact' }, maxResults: 16 } as const
const CREDIBILITY: Verification = { policy: 'credibility', errorProbability: 0.001, ...common }
const QUORUM_OF_TWO: Verification = { policy: 'quorum', quorum: 2, ...common }

function run(options: Partial<SimulationOptions>): SimulationReport {
  const report = simulate({
    seed: 1,
    units: 2_000,
    groups: [honestHosts(50)],
    verification: CREDIBILITY,
    churn: 0,
    time: 'random order',
    ...options
  })
  expect(report).toMatchObject({ problem: null, unfinished: 0 })
  return report
}

/** As many units for each host as in the published comparison of policies (security facts, V1): 10 000 for 200 hosts. */
const HOSTS = 100
const UNITS = 5_000
const SEEDS = [1, 2]

function fleet(share: number, rate: number, honestFor = 0) {
  const bad = HOSTS * share
  return [honestHosts(HOSTS - bad), liars(bad, rate, { honestFor })]
}

describe('credibility at 0.001, with liars who agree on their lies and come back under new names', () => {
  it.each([
    ['5 % lie in a tenth', { groups: fleet(0.05, 0.1) }, 2.2],
    ['20 % lie in a tenth', { groups: fleet(0.2, 0.1) }, 2.4],
    ['5 % always lie', { groups: fleet(0.05, 1) }, 2.2],
    ['20 % always lie', { groups: fleet(0.2, 1) }, 2.6],
    ['20 % lie in a half, after 30 honest executions', { groups: fleet(0.2, 0.5, 30) }, 2.6],
    ['20 % lie in a tenth, and 2 % of the assignments meet a newcomer', { groups: fleet(0.2, 0.1), churn: 0.02 }, 2.6]
  ])('%s: at most one accepted unit in a thousand is wrong, and nobody sound is banned', (_, scenario, executions) => {
    const reports = SEEDS.map((seed) => run({ ...scenario, seed, units: UNITS }))
    const wrong = reports.reduce((sum, report) => sum + report.wrong, 0)
    const cost = reports.reduce((sum, report) => sum + report.executionsPerUnit, 0) / reports.length
    expect(wrong / (UNITS * SEEDS.length)).toBeLessThanOrEqual(0.001)
    expect(cost).toBeLessThanOrEqual(executions)
    expect(reports.map(({ bans }) => bans.sound)).toEqual(SEEDS.map(() => 0))
    expect(reports.every(({ bans }) => bans.liar > 0)).toBe(true)
  })
})

describe('the simulator', () => {
  it('gives the same report for the same seed, and another one for another', () => {
    const groups = [honestHosts(40, { speed: [1e8, 1e9] }), liars(10, 0.3)]
    for (const time of ['random order', 'timeline'] as const) {
      const first = run({ groups, time, units: 500 })
      expect(run({ groups, time, units: 500 })).toEqual(first)
      expect(run({ groups, time, units: 500, seed: 2 })).not.toEqual(first)
    }
  })

  it('costs what the formula says where liars do not agree', () => {
    const { executionsPerUnit, wrong } = run({
      groups: [honestHosts(45), liars(5, 0.1, { wrong: 'different' })],
      verification: QUORUM_OF_TWO
    })
    expect(wrong).toBe(0)
    expect(Math.abs(executionsPerUnit - votingExecutions(2, 0.01))).toBeLessThan(0.02)
  })

  it('finds a wrong answer where nothing is checked', () => {
    const verification: Verification = { ...QUORUM_OF_TWO, quorum: 1 }
    const { error, executionsPerUnit } = run({ groups: [honestHosts(45), liars(5, 1)], verification })
    expect(executionsPerUnit).toBe(1)
    expect(error).toBeGreaterThan(0.05)
  })

  it('counts what a check has refused, and what a reopening has forgotten', () => {
    const verify = { kind: 'custom', js: blobRef(utf8('check')) } as const
    const verified = run({ groups: [honestHosts(25), liars(25, 0.1)], verification: { policy: 'verifier', verify, ...common } })
    expect(verified.wrong).toBe(0)
    expect(verified.executionsPerUnit).toBeGreaterThan(1.04)
    const { reopened, executions, settled } = run({ groups: fleet(0.2, 1), units: UNITS })
    expect(reopened.banned + reopened.doubted).toBeGreaterThan(0)
    expect(executions).toBeGreaterThan(settled)
  })

  it.each([
    ['quorum', QUORUM_OF_TWO],
    ['credibility', CREDIBILITY]
  ])(
    '%s ends a job on a timeline with stragglers, silence, churn, faulty devices, many names of one owner and wrong clocks',
    (_, verification) => {
      const speed = [1e8, 4e9] as const
      const groups = [
        honestHosts(60, { speed, silent: 0.02, straggling: 0.02, clockSkewMs: 3e10 }),
        faultyHosts(5, 0.2, { speed }),
        liars(10, 0.5, { speed, owners: 1, subnets: 2 })
      ]
      const { settled, inconclusive, bans } = run({ groups, verification, churn: 0.01, time: 'timeline' })
      expect(settled + inconclusive).toBe(2_000)
      expect(bans.sound).toBe(0)
    }
  )
})

describe('the planner', () => {
  it('supposes what the coordinator supposes', () => {
    expect(SUPPOSED_LIARS).toBe(SUSPECTS_AT_FIRST)
  })

  it.each([
    [{ units: 2_000, hosts: 100, liars: 0.05, lying: 0.1 }, 0.001],
    [{ units: 5_000, hosts: 100, liars: 0.2, lying: 1 }, 0.001],
    [{ units: 20_000, hosts: 50, liars: 0.05, lying: 0.1 }, 0.001],
    [{ units: 5_000, hosts: 100, liars: 0.05, lying: 0.1 }, 0.01]
  ])('expects a cost near that of the core (less than 15 hundredths off): %j at %d', ({ units, ...assumed }, errorProbability) => {
    const { executionsPerUnit: planned } = planVerification({ units, hasVerifier: false, errorProbability, fleet: assumed })
    const bad = assumed.hosts * assumed.liars
    const groups = [honestHosts(assumed.hosts - bad), liars(bad, assumed.lying)]
    const { executionsPerUnit } = run({ units, groups, verification: { ...CREDIBILITY, errorProbability } })
    expect(Math.abs(planned / executionsPerUnit - 1)).toBeLessThan(0.15)
  })
})

describe('estimateTrust()', () => {
  it('says what more liars do to a quorum, and that they do less to credibility', () => {
    const costOf = (verification: Verification, share: number) =>
      estimateTrust({ unitCount: 2_000, verification }, { hosts: 50, liars: share, lying: 0.5 })
    expect(costOf(QUORUM_OF_TWO, 0).error).toBe(0)
    expect(costOf(QUORUM_OF_TWO, 0.4).error).toBeGreaterThan(0.01)
    expect(costOf(CREDIBILITY, 0.4).error).toBeLessThan(costOf(QUORUM_OF_TWO, 0.4).error)
    expect(costOf(QUORUM_OF_TWO, 0.4)).toEqual(costOf(QUORUM_OF_TWO, 0.4))
  })

  it('estimates a large job from a small part of it', () => {
    const { units, executionsPerUnit } = estimateTrust({ unitCount: 1e9, verification: CREDIBILITY }, ASSUMED_FLEET)
    expect(units).toBeLessThan(2_000)
    expect(executionsPerUnit).toBeGreaterThan(1)
    expect(executionsPerUnit).toBeLessThan(1.2)
  })

  it('says that too few hosts cannot finish', () => {
    const alone = estimateTrust({ unitCount: 100, verification: QUORUM_OF_TWO }, { hosts: 1, liars: 0, lying: 0 })
    expect(alone).toMatchObject({ unfinished: 1, errorAtMost: 1 })
  })
})
