/** The fleets of these rows, and the policies that they meet. */
import { setImmediate } from 'node:timers/promises'
import type { Verification } from '@peercompute/job-specs'
import {
  honestHosts,
  liars,
  simulate,
  type SimulatedGroup,
  type SimulationOptions,
  type SimulationReport
} from '@peercompute/relay-coordinator/simulation'

const HOSTS = 200

const common = { independence: 'subnet', comparator: { kind: 'exact' } } as const

/** What a job gets that says nothing. */
export const CREDIBILITY: Verification = { policy: 'credibility', errorProbability: 0.001, maxResults: 16, ...common }
export const ADAPTIVE: Verification = { policy: 'adaptive', quorum: 2, maxResults: 8, ...common }

export function quorumOf(quorum: number): Verification {
  return { policy: 'quorum', quorum, maxResults: 8, ...common }
}

/** `share` of the hosts lie with probability `rate`, all who lie about a unit say the same, and whoever is banned is back at once. */
export function fleetWithLiars(share: number, rate: number, more: Partial<SimulatedGroup> = {}): readonly SimulatedGroup[] {
  const count = Math.round(share * HOSTS)
  return count === 0 ? [honestHosts(HOSTS)] : [honestHosts(HOSTS - count), liars(count, rate, more)]
}

export type Scenario = Omit<SimulationOptions, 'seed'>

export interface Summary {
  readonly reports: readonly SimulationReport[]
  /** Percent of the accepted units, of each seed. */
  readonly errors: readonly number[]
  readonly executions: readonly number[]
  readonly error: number
  readonly executionsPerUnit: number
}

/** Throws when books do not add up or units stay undone: such a run says nothing. */
export async function summarise(scenario: Scenario, seeds: number): Promise<Summary> {
  const reports: SimulationReport[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const report = simulate({ ...scenario, seed })
    if (report.problem !== null) throw new Error(`The books are wrong with seed ${seed}: ${report.problem}`)
    if (report.unfinished > 0) throw new Error(`${report.unfinished} units were never finished with seed ${seed}`)
    reports.push(report)
    // Timers and signals have to be heard in between.
    await setImmediate()
  }
  const errors = reports.map(({ error }) => error * 100)
  const executions = reports.map(({ executionsPerUnit }) => executionsPerUnit)
  return { reports, errors, executions, error: mean(errors), executionsPerUnit: mean(executions) }
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length
}

/** One line for people. */
export function told(id: string, { reports, errors, error, executionsPerUnit }: Summary): string {
  const sum = (value: (report: SimulationReport) => number): number => reports.reduce((total, report) => total + value(report), 0)
  const [liar, sound] = [sum(({ bans }) => bans.liar), sum(({ bans }) => bans.sound)]
  const [doubted, banned] = [sum(({ reopened }) => reopened.doubted), sum(({ reopened }) => reopened.banned)]
  return `${id}: error ${error.toFixed(4)} % (worst seed ${Math.max(...errors).toFixed(3)} %), ${executionsPerUnit.toFixed(3)} executions a unit, ${liar} bans of liars and ${sound} of sound hosts, ${doubted} units reopened as doubted and ${banned} after bans, ${sum(({ inconclusive }) => inconclusive)} inconclusive`
}
