/** From what a job says about its verification to the rule in its specification. What it leaves open is planned, or has a default. */
import { CAREFUL_QUORUM, planVerification, type Plan } from './plan.ts'
import type { Verifier } from './verifier.ts'
import {
  ERROR_PROBABILITY_DEFAULT,
  MAX_RESULTS_DEFAULT,
  MAX_RESULTS_MAX,
  type Comparator,
  type Independence,
  type Policy,
  type Verification
} from './verification.ts'

/** All of it may be left out. */
export interface VerificationWish {
  readonly policy?: Policy | undefined
  readonly quorum?: number | undefined
  readonly errorProbability?: number | undefined
  /** Executions of each unit that may be spent, on average. */
  readonly budget?: number | undefined
  readonly critical?: boolean | undefined
  readonly verify?: Verifier | undefined
  readonly independence?: Independence | undefined
  readonly comparator?: Comparator | undefined
  readonly maxResults?: number | undefined
}

export type ChosenVerification =
  | { readonly ok: true; readonly verification: Verification; /** Null: nothing was left to plan. */ readonly plan: Plan | null }
  | { readonly ok: false; readonly field: keyof VerificationWish; readonly message: string }

export const INDEPENDENCE_DEFAULT: Independence = 'subnet'

const QUORUM_DEFAULT = 2

export function chooseVerification(wish: VerificationWish, units: number): ChosenVerification {
  const contradiction = contradictionIn(wish)
  if (contradiction !== null) return { ok: false, ...contradiction }
  const { independence = INDEPENDENCE_DEFAULT, comparator = { kind: 'exact' }, verify } = wish
  const plan = isPlanned(wish) ? planVerification({ ...wish, units, hasVerifier: verify !== undefined }) : null
  const rule = plan?.rule ?? ruleOf(wish)
  const maxResults = wish.maxResults ?? (rule.policy === 'credibility' ? MAX_RESULTS_MAX : MAX_RESULTS_DEFAULT)
  const common = { independence, comparator, maxResults }
  if (rule.policy !== 'verifier') return { ok: true, verification: { ...rule, ...common }, plan }
  if (verify === undefined) return { ok: false, field: 'policy', message: 'is "verifier", which needs "verify": the check to run' }
  return { ok: true, verification: { policy: 'verifier', verify, ...common }, plan }
}

type Rule =
  | { readonly policy: 'verifier' }
  | { readonly policy: 'quorum' | 'adaptive'; readonly quorum: number }
  | { readonly policy: 'credibility'; readonly errorProbability: number }

function isPlanned({ policy, quorum, errorProbability, budget, critical }: VerificationWish): boolean {
  return policy === undefined && quorum === undefined && (errorProbability !== undefined || budget !== undefined || critical === true)
}

function impliedPolicy({ quorum, verify }: VerificationWish): Policy {
  if (quorum !== undefined) return 'quorum'
  return verify === undefined ? 'credibility' : 'verifier'
}

function ruleOf(wish: VerificationWish): Rule {
  const { policy = impliedPolicy(wish), quorum = QUORUM_DEFAULT, errorProbability = ERROR_PROBABILITY_DEFAULT } = wish
  switch (policy) {
    case 'quorum':
    case 'adaptive':
      return { policy, quorum }
    case 'credibility':
      return { policy, errorProbability }
    case 'verifier':
      return { policy }
  }
}

/** The first thing that cannot be meant together with another. */
function contradictionIn(wish: VerificationWish): { readonly field: keyof VerificationWish; readonly message: string } | null {
  const { policy, quorum, errorProbability, budget, critical, verify } = wish
  const clash = (field: keyof VerificationWish, message: string) => ({ field, message })
  const rule = policy === undefined ? quorum !== undefined && '"quorum"' : `"policy: ${policy}"`
  if (rule !== false && budget !== undefined) return clash('budget', `lets a rule be chosen, but ${rule} is one: leave out one of the two`)
  if (rule !== false && critical !== undefined)
    return clash('critical', `lets a rule be chosen, but ${rule} is one: leave out one of the two`)
  if (rule !== false && policy !== 'credibility' && errorProbability !== undefined)
    return clash('errorProbability', `does not go with ${rule}, which promises none: leave out one of the two`)
  if (quorum !== undefined && (policy === 'credibility' || policy === 'verifier'))
    return clash('quorum', `does not go with "policy: ${policy}", which counts no results: leave out one of the two`)
  if (verify !== undefined && rule !== false && policy !== 'verifier')
    return clash('verify', `is not used with ${rule}: leave out one of the two`)
  if (verify !== undefined && critical === true)
    return clash('critical', 'asks for several results that agree, and "verify" for one that passes: leave out one of the two')
  if (critical === true && budget !== undefined && budget < CAREFUL_QUORUM)
    return clash(
      'budget',
      `pays for ${budget} executions a unit, and "critical" needs ${CAREFUL_QUORUM}: raise it, or leave out "critical"`
    )
  return null
}
