/**
 * From what a researcher asks for, an error and a price, to the policy that gives it. The figures follow from formulas and from stated
 * assumptions about the fleet; what a job really costs, the coordinator measures.
 */
import { ERROR_PROBABILITY_DEFAULT } from './verification.ts'
import type { JobSpec } from './job.ts'
import { adaptiveExecutions, credibilityExecutions, votingError, votingExecutions } from './voting.ts'

/** What is assumed of a fleet that nobody has measured. */
export interface FleetAssumptions {
  readonly hosts: number
  /** Share of the hosts that lie. */
  readonly liars: number
  /** Share of a liar's answers that are lies. All who lie about a unit say the same. */
  readonly lying: number
}

export const ASSUMED_FLEET: FleetAssumptions = { hosts: 100, liars: 0.05, lying: 0.1 }

export interface PlanRequest {
  readonly units: number
  /** The job brings its own check. */
  readonly hasVerifier: boolean
  /** Share of wrong units that is acceptable; 0.001 unless given. */
  readonly errorProbability?: number | undefined
  /** Executions of each unit that may be spent, on average. */
  readonly budget?: number | undefined
  /** No host is believed alone, whatever it has shown. */
  readonly critical?: boolean | undefined
  readonly fleet?: FleetAssumptions | undefined
}

export type PlannedPolicy =
  | { readonly policy: 'verifier' }
  | { readonly policy: 'quorum'; readonly quorum: number }
  | { readonly policy: 'credibility'; readonly errorProbability: number }

export interface Plan {
  readonly rule: PlannedPolicy
  /** Executions of each unit, on average. */
  readonly executionsPerUnit: number
  /** Share of the units that will be wrong. Of `credibility`: at most. */
  readonly expectedError: number
  /** What was asked for is expected to be reached. */
  readonly meets: boolean
  /** Two sentences: why this rule, and what to expect of it. */
  readonly explanation: string
}

/** With fewer units no host earns enough trust to be believed alone. */
export const FEW_UNITS = 1_000
/** Results that agree at least, where no host is believed alone. */
export const CAREFUL_QUORUM = 3
const QUORUM_MAX = 8
/** Share of units that the coordinator has computed twice although the job's check has passed them. */
const PLANNED_AUDITS = 0.02
/** Part by which a plan may pass the budget: a quorum of two costs 2.01 executions, and is what a budget of 2 means. */
const BUDGET_SLACK = 0.05

interface Draft extends Pick<Plan, 'rule' | 'executionsPerUnit' | 'expectedError'> {
  readonly reason: string
}

export function planVerification(request: PlanRequest): Plan {
  const { errorProbability = ERROR_PROBABILITY_DEFAULT, budget, fleet = ASSUMED_FLEET } = request
  const best = preferred(request, errorProbability, fleet)
  if (budget === undefined || isWithin(best, budget)) return planned(best, errorProbability, fleet, true)
  const cheaper = [2, 1].map((quorum) => quorumDraft(quorum, fleet)).find((draft) => isWithin(draft, budget))
  const short = `The budget of ${executions(budget)} a unit is less than the ${figure(best.executionsPerUnit)} that the error asked for would take`
  if (cheaper === undefined || cheaper.executionsPerUnit >= best.executionsPerUnit)
    return planned({ ...best, reason: `${short}, and nothing cheaper is safe` }, errorProbability, fleet, false)
  return planned({ ...cheaper, reason: `${short}, so ${cheaper.reason}` }, errorProbability, fleet, true)
}

/** Executions of each unit of a job, on average. */
export function expectedExecutions(
  { unitCount, verification }: Pick<JobSpec, 'unitCount' | 'verification'>,
  fleet = ASSUMED_FLEET
): number {
  const lies = fleet.liars * fleet.lying
  switch (verification.policy) {
    case 'quorum':
      return votingExecutions(verification.quorum, lies)
    case 'adaptive':
      return adaptiveExecutions({ ...fleet, units: unitCount, quorum: verification.quorum })
    case 'credibility':
      return credibilityExecutions({ ...fleet, units: unitCount, errorProbability: verification.errorProbability })
    case 'verifier':
      return auditedExecutions(lies)
  }
}

function isWithin({ executionsPerUnit }: Draft, budget: number): boolean {
  return executionsPerUnit <= budget * (1 + BUDGET_SLACK)
}

/** Whatever it costs. */
function preferred({ units, hasVerifier, critical }: PlanRequest, errorProbability: number, fleet: FleetAssumptions): Draft {
  const lies = fleet.liars * fleet.lying
  if (hasVerifier)
    return {
      rule: { policy: 'verifier' },
      executionsPerUnit: auditedExecutions(lies),
      expectedError: 0,
      reason: `The job brings its own check, so one result that passes is enough, and ${percent(PLANNED_AUDITS)} are computed twice to check the check`
    }
  if (critical === true || units < FEW_UNITS) {
    let quorum = CAREFUL_QUORUM
    while (quorum < QUORUM_MAX && votingError(quorum, lies) > errorProbability) quorum++
    const cause =
      critical === true ? 'The job is critical' : `With fewer than ${FEW_UNITS} units no computer earns enough trust to be believed alone`
    return { ...quorumDraft(quorum, fleet), reason: `${cause}, so ${quorumDraft(quorum, fleet).reason}` }
  }
  return {
    rule: { policy: 'credibility', errorProbability },
    executionsPerUnit: credibilityExecutions({ ...fleet, units, errorProbability }),
    expectedError: errorProbability,
    reason: `A unit is computed until its answer is wrong with a probability of at most ${percent(errorProbability)}: by several computers at first, by one that has earned its trust later`
  }
}

/** One that passes, and the audits. */
function auditedExecutions(lies: number): number {
  return (1 + PLANNED_AUDITS) / (1 - lies)
}

function quorumDraft(quorum: number, { liars, lying }: FleetAssumptions): Draft {
  const lies = liars * lying
  return {
    rule: { policy: 'quorum', quorum },
    executionsPerUnit: votingExecutions(quorum, lies),
    expectedError: votingError(quorum, lies),
    reason: quorum === 1 ? 'each result is believed as it is' : `${quorum} results must agree`
  }
}

function planned({ reason, ...draft }: Draft, asked: number, { hosts, liars, lying }: FleetAssumptions, affordable: boolean): Plan {
  const { executionsPerUnit, expectedError, rule } = draft
  const reaches = expectedError <= asked
  const wrong = `${rule.policy === 'credibility' ? 'at most ' : ''}${percent(expectedError)} wrong units`
  const more = reaches ? '' : `, more than the ${percent(asked)} asked for`
  const assumed = `if ${percent(liars)} of ${hosts} computers lie in ${percent(lying)} of their answers and agree on their lies`
  return {
    ...draft,
    meets: reaches && affordable,
    explanation: `${reason}. Expected: ${executions(executionsPerUnit)} a unit and ${wrong}${more}, ${assumed}.`
  }
}

function executions(count: number): string {
  return `${figure(count)} ${figure(count) === '1' ? 'execution' : 'executions'}`
}

function figure(value: number): string {
  return String(Number(value.toFixed(2)))
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}
