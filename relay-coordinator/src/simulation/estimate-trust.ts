/** What a job's verification would cost and be worth in a fleet that one imagines: a small simulation, quick enough for a form. */
import { credibilityExecutions, type FleetAssumptions, type JobSpec, type Verification } from '@peercompute/job-specs'
import { simulate } from './simulate.ts'
import { honestHosts, liars } from './simulated-group.ts'

export interface TrustEstimate {
  /** On average. */
  readonly executionsPerUnit: number
  /** Share of the accepted units that are wrong; and what it is at most, with 95 % confidence, by as many units as were simulated. */
  readonly error: number
  readonly errorAtMost: number
  /** Share of the units that nobody could finish: too few hosts that are independent. */
  readonly unfinished: number
  /** What was simulated; the cost of larger jobs is extrapolated by the formula for it. */
  readonly units: number
  readonly hosts: number
}

/** They take a tenth of a second; twice that while nothing is compiled. */
const UNITS_MAX = 1_200
/** With fewer, a share of liars is hardly one of hosts. */
const HOSTS_MIN = 20
const SEED = 1

/** Same arguments, same estimate. Takes at most about 0.3 s, whatever the size of the job. */
export function estimateTrust(
  { unitCount, verification }: Pick<JobSpec, 'unitCount' | 'verification'>,
  fleet: FleetAssumptions
): TrustEstimate {
  const units = Math.min(unitCount, UNITS_MAX)
  // What hosts have learnt of each other depends on the units that each has done, so both shrink alike.
  const hosts = Math.max(Math.min(fleet.hosts, HOSTS_MIN), Math.round((fleet.hosts * units) / unitCount))
  const liarCount = Math.min(hosts, Math.round(hosts * fleet.liars))
  const groups = [honestHosts(hosts - liarCount), liars(liarCount, fleet.lying)].filter((group) => group.hosts > 0)
  const options = { seed: SEED, units, groups, verification: plain(verification), churn: 0, time: 'random order' } as const
  const { wrong, settled, unfinished, executionsPerUnit } = simulate(options)
  return {
    executionsPerUnit: executionsPerUnit * growth(verification, fleet, { unitCount, units, hosts }),
    error: settled === 0 ? 0 : wrong / settled,
    errorAtMost: settled === 0 ? 1 : Math.min(1, poissonUpper(wrong) / settled),
    unfinished: unfinished / units,
    units,
    hosts
  }
}

/** Simulated values are compared byte by byte, and their check is the truth. */
function plain(verification: Verification): Verification {
  return { ...verification, comparator: { kind: 'exact' } }
}

/** Cost of the whole job as a multiple of the simulated part's. */
function growth(
  verification: Verification,
  fleet: FleetAssumptions,
  { unitCount, units, hosts }: { readonly unitCount: number; readonly units: number; readonly hosts: number }
): number {
  if (verification.policy !== 'credibility' || unitCount === units) return 1
  const { errorProbability } = verification
  const whole = credibilityExecutions({ ...fleet, units: unitCount, errorProbability })
  return whole / credibilityExecutions({ ...fleet, hosts, units, errorProbability })
}

/** 95 % upper limit of the mean of which so many were counted (Wilson and Hilferty's approximation of the χ² quantile). */
function poissonUpper(count: number): number {
  const n = count + 1
  return n * (1 - 1 / (9 * n) + 1.645 / (3 * Math.sqrt(n))) ** 3
}
