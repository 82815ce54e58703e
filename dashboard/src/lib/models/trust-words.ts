/** Trust in words: probabilities as odds, verdicts and standings with their status. */
import type { HostReputation, HostStanding, JobTrust, ReplicaVerdict, Spread } from '@peercompute/job-specs'
import { differenceSentence } from '@peercompute/job-specs'
import { count, decimal, fixed, percent, plural } from './format.ts'
import type { StatusName } from './status.ts'

/** `1 in 2 000`; two significant digits, for more is not known. */
export function odds(probability: number): string {
  if (probability <= 0) return 'none'
  if (probability < 1e-9) return 'less than 1 in 1 000 000 000'.replaceAll(' 0', '\u202f0')
  const one = 1 / probability
  if (one < 20) return `1 in ${decimal(one, 2)}`
  const digits = 10 ** (Math.floor(Math.log10(one)) - 1)
  return `1 in ${count(Math.round(one / digits) * digits)}`
}

interface Verdict {
  readonly status: StatusName
  readonly word: string
}

export const VERDICTS: Record<ReplicaVerdict, Verdict> = {
  canonical: { status: 'validated', word: 'canonical' },
  agrees: { status: 'validated', word: 'agrees' },
  rejected: { status: 'errored', word: 'rejected' },
  undecided: { status: 'attention', word: 'undecided' }
}

/** `status` null: nothing to look at, and nothing that is verified work either. */
export const STANDINGS: Record<HostStanding, { readonly status: StatusName | null; readonly word: string }> = {
  proven: { status: null, word: 'proven' },
  earning: { status: null, word: 'earning trust' },
  unknown: { status: null, word: 'not compared yet' },
  suspect: { status: 'attention', word: 'needs attention' },
  banned: { status: 'errored', word: 'gets no work' }
}

/** Hosts that somebody should look at, the worst first. */
export function needingAttention<H extends { readonly reputation: HostReputation }>(hosts: readonly H[]): readonly H[] {
  const rank = ({ reputation: { standing } }: H) => (standing === 'banned' ? 0 : 1)
  return hosts.filter(({ reputation: { standing } }) => standing === 'banned' || standing === 'suspect').sort((a, b) => rank(a) - rank(b))
}

export interface TrustFact {
  readonly figure: string
  readonly text: string
}

/** Figures first, each in a sentence. */
export function trustFacts(trust: JobTrust): readonly TrustFact[] {
  const { executionsPerUnit, errorProbability, counted, settled, checkedTwice, votes, hosts, accounts, numericClasses, reopened } = trust
  const facts: TrustFact[] = []
  if (executionsPerUnit !== null) facts.push({ figure: fixed(executionsPerUnit, 2), text: 'executions for each settled unit so far.' })
  if (errorProbability !== null)
    facts.push({
      figure: odds(errorProbability.mean),
      text: `settled values is expected to be wrong; of the least certain unit the value is wrong with a chance of ${odds(errorProbability.worst)}.`
    })
  if (counted > 0) {
    facts.push({
      figure: percent(checkedTwice, counted),
      text: `of the units have two or more agreeing results: ${count(checkedTwice)} of ${count(counted)}.`
    })
    const results = votes.canonical + votes.agrees + votes.rejected
    facts.push({
      figure: count(results),
      text: `results: ${count(votes.canonical)} canonical, ${plural(votes.agrees, 'agrees', 'agree')}, ${count(votes.rejected)} rejected. From ${plural(hosts, 'host', 'hosts')} of ${plural(accounts, 'account', 'accounts')} and ${plural(numericClasses, 'numeric class', 'numeric classes')}.`
    })
  }
  if (reopened > 0)
    facts.push({
      figure: count(reopened),
      text: `${reopened === 1 ? 'unit was' : 'units were'} taken back since the coordinator started, because who had decided them is no longer believed.`
    })
  facts.push({
    figure: percent(trust.suspects, 1),
    text: 'of all executions in the fleet are supposed to come from hosts that lie or are broken.'
  })
  return counted < settled
    ? [...facts, { figure: count(counted), text: `of ${count(settled)} settled units were counted, spread over the job.` }]
    : facts
}

/** How far the results of an inconclusive unit lie apart. */
export function spreadWords(kind: JobTrust['verification']['comparator']['kind'], { nearest, farthest }: Spread): string {
  if (nearest === null || farthest === null) return 'too few results'
  const [near, far] = [differenceSentence(kind, nearest), differenceSentence(kind, farthest)]
  if (near === far) return near
  const [a, b] = [near.split(' '), far.split(' ')]
  let same = 0
  while (same < Math.min(a.length, b.length) - 1 && a.at(-1 - same) === b.at(-1 - same)) same++
  return [...a.slice(0, a.length - same), 'to', ...b].join(' ')
}
