/** How sure the results of a job must be: the choices in plain words, what follows from them, and what that is expected to cost. */
import {
  ASSUMED_FLEET,
  CAREFUL_QUORUM,
  credibilityExecutions,
  ERROR_PROBABILITY_DEFAULT,
  planVerification,
  verificationSentence,
  votingError,
  votingExecutions,
  type FleetAssumptions,
  type Independence,
  type Policy,
  type Verification,
  type VerificationWish
} from '@peercompute/job-specs'

export const assurances = ['two', 'some', 'usual', 'paper', 'critical', 'own'] as const
export type Assurance = (typeof assurances)[number]

interface Choice {
  readonly word: string
  readonly meaning: string
  readonly errorProbability?: number
}

export const ASSURANCES: Record<Assurance, Choice> = {
  two: { word: 'Two results agree', meaning: 'For trying out, and for a few computers of people who know one another.' },
  some: { word: '1 wrong unit in 100', meaning: 'For pictures and rehearsals.', errorProbability: 0.01 },
  usual: { word: '1 in 1 000', meaning: 'The usual choice.', errorProbability: ERROR_PROBABILITY_DEFAULT },
  paper: { word: '1 in 10 000', meaning: 'When a single wrong unit would change a conclusion.', errorProbability: 1e-4 },
  critical: {
    word: 'Critical',
    meaning: `No computer is believed alone, whatever it has shown: at least ${CAREFUL_QUORUM} results agree.`,
    errorProbability: ERROR_PROBABILITY_DEFAULT
  },
  own: { word: 'A rule of my own', meaning: 'For those who know which.' }
}

/** Hosts from which on the job itself can learn which of them to believe. */
const MANY_HOSTS = 20

/** Until the author chooses: what the connected hosts can give. */
export function suggestedAssurance(hosts: number | null): Assurance {
  return hosts !== null && hosts >= MANY_HOSTS ? 'usual' : 'two'
}

export interface AssuranceForm {
  readonly assurance: Assurance
  /** Executions of each unit; null: whatever it takes. */
  readonly budget: number | null
  readonly independence: Independence
  /** For `own`. */
  readonly policy: Exclude<Policy, 'verifier'>
  readonly quorum: number
  readonly errorProbability: number
  /** Null: as many as the rule has by itself. */
  readonly maxResults: number | null
}

export function takesBudget(assurance: Assurance): boolean {
  return assurance !== 'two' && assurance !== 'own'
}

export function wishFrom(form: AssuranceForm): VerificationWish {
  const { assurance, budget, independence, policy, quorum, maxResults } = form
  const limit = maxResults === null ? {} : { maxResults }
  if (assurance === 'two') return { quorum: 2, independence }
  if (assurance === 'own')
    return { policy, independence, ...limit, ...(policy === 'credibility' ? { errorProbability: form.errorProbability } : { quorum }) }
  const { errorProbability } = ASSURANCES[assurance]
  return {
    independence,
    ...(errorProbability === undefined ? {} : { errorProbability }),
    ...(budget === null ? {} : { budget }),
    ...(assurance === 'critical' ? { critical: true } : {})
  }
}

export interface Outlook {
  /** What is done, and why. */
  readonly sentence: string
  /** False: neither the error nor the budget asked for can be kept. */
  readonly meets: boolean
}

/** What the planner makes of it, or what the author's own rule means. */
export function outlookOf(form: AssuranceForm, verification: Verification, units: number): Outlook {
  if (!takesBudget(form.assurance)) return { sentence: verificationSentence(verification), meets: true }
  const { errorProbability, budget, critical } = wishFrom(form)
  const { explanation, meets } = planVerification({
    units,
    hasVerifier: verification.policy === 'verifier',
    ...(errorProbability === undefined ? {} : { errorProbability }),
    ...(budget === undefined ? {} : { budget }),
    ...(critical === undefined ? {} : { critical })
  })
  return { sentence: explanation.replaceAll(' %', '\u00a0%'), meets }
}

export interface ExpectedCost {
  readonly executionsPerUnit: number
  /** Share of wrong units; of `credibility` at most. Null: it depends on the job's own check. */
  readonly error: number | null
}

/** By formulas, for a fleet that nobody has measured. */
export function expectedCost(verification: Verification, units: number, fleet: FleetAssumptions = ASSUMED_FLEET): ExpectedCost {
  const lies = fleet.liars * fleet.lying
  switch (verification.policy) {
    case 'quorum':
      return { executionsPerUnit: votingExecutions(verification.quorum, lies), error: votingError(verification.quorum, lies) }
    // Believed alone only after ten agreements, so this is the most that it takes, and the error is that of single results.
    case 'adaptive':
      return { executionsPerUnit: votingExecutions(verification.quorum, lies), error: lies }
    case 'credibility': {
      const { errorProbability } = verification
      return { executionsPerUnit: credibilityExecutions({ ...fleet, units, errorProbability }), error: errorProbability }
    }
    case 'verifier':
      return { executionsPerUnit: planVerification({ units, hasVerifier: true, fleet }).executionsPerUnit, error: null }
  }
}

/** Computers that are needed at least for one unit to be settled, when nothing is known of any of them. */
export function hostsAtFirst(verification: Verification): number {
  switch (verification.policy) {
    case 'quorum':
    case 'adaptive':
      return verification.quorum
    case 'credibility': {
      // A newcomer is wrong with a probability of a fifth: as many must agree as bring that down to what is accepted.
      const odds = Math.log(verification.errorProbability / (1 - verification.errorProbability))
      return Math.max(2, Math.ceil(odds / Math.log(0.25) - 1e-9))
    }
    case 'verifier':
      return 1
  }
}
