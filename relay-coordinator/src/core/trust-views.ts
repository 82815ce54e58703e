/** What people see of trust: pure functions from the state, and from units as the store has them, to the API's shapes. */
import {
  AGREEMENT_BINS,
  AGREEMENT_LOG_MIN,
  AGREEMENT_LOG_STEP,
  differenceSentence,
  MAX_DIFFERENCE,
  outputReaders,
  REASONS,
  SHOWN_ELEMENTS_MAX,
  type AgreementHistogram,
  type HostId,
  type HostReputation,
  type HostReputationDetail,
  type JobSpec,
  type JobTrust,
  type Replica,
  type Spread,
  type UnitReplicas
} from '@peercompute/job-specs'
import { ADAPTIVE_ROW } from './acceptance.ts'
import type { Vote } from './events.ts'
import { doubtAbout, isFailing } from './judging.ts'
import type { Reputation } from './reputation.ts'
import type { CoordinatorState } from './state.ts'
import type { SettledUnit } from './store.ts'

export type TrustCount = Pick<
  JobTrust,
  'counted' | 'errorProbability' | 'checkedTwice' | 'votes' | 'hosts' | 'accounts' | 'numericClasses' | 'histogram'
>

/** Counts over settled units, one after the other. */
export class TrustTally {
  readonly #hosts = new Set<string>()
  readonly #accounts = new Set<string>()
  readonly #classes = new Set<string>()
  readonly #votes = { canonical: 0, agrees: 0, rejected: 0 }
  readonly #bins = Array.from({ length: AGREEMENT_BINS }, () => ({ agreeing: 0, rejected: 0 }))
  #identical = 0
  #incomparable = 0
  #counted = 0
  #doubt = 0
  #worst = 0
  #checkedTwice = 0

  add({ votes, errorProbability }: Pick<SettledUnit, 'votes' | 'errorProbability'>): void {
    this.#counted++
    this.#doubt += errorProbability
    this.#worst = Math.max(this.#worst, errorProbability)
    let agreeing = 0
    for (const vote of votes) {
      const { holder, numericClass, probeVersion, verdict } = vote
      this.#hosts.add(holder.host)
      this.#accounts.add(holder.account)
      this.#classes.add(`${numericClass}/${probeVersion}`)
      this.#votes[verdict]++
      if (verdict !== 'rejected') agreeing++
      if (verdict !== 'canonical') this.#place(vote)
    }
    if (agreeing > 1) this.#checkedTwice++
  }

  counted(): TrustCount {
    return {
      counted: this.#counted,
      errorProbability: this.#counted === 0 ? null : { mean: Math.min(1, this.#doubt / this.#counted), worst: this.#worst },
      checkedTwice: this.#checkedTwice,
      votes: { ...this.#votes },
      hosts: this.#hosts.size,
      accounts: this.#accounts.size,
      numericClasses: this.#classes.size,
      histogram: this.#histogram()
    }
  }

  #histogram(): AgreementHistogram {
    return { identical: this.#identical, bins: this.#bins.map((bin) => ({ ...bin })), incomparable: this.#incomparable }
  }

  #place({ verdict, metric, bound }: Vote): void {
    if (verdict === 'agrees' && metric === 0) this.#identical++
    else if (verdict === 'rejected' && (metric >= MAX_DIFFERENCE || bound === 0)) this.#incomparable++
    else {
      const bin = this.#bins[binOf(metric / bound)]
      if (bin !== undefined) bin[verdict === 'rejected' ? 'rejected' : 'agreeing']++
    }
  }
}

/** What is exactly at the bound still agrees, so each bin has its upper edge. */
function binOf(bounds: number): number {
  const place = Math.ceil((Math.log10(bounds) - AGREEMENT_LOG_MIN) / AGREEMENT_LOG_STEP) - 1
  return Math.max(0, Math.min(AGREEMENT_BINS - 1, Number.isNaN(place) ? 0 : place))
}

/** `votes` around the leading result, which is the canonical one. */
export function spreadOf(unit: number, at: number, votes: readonly Vote[]): Spread {
  const others = votes.filter(({ verdict }) => verdict === 'rejected').sort((a, b) => a.metric - b.metric)
  const distance = (vote: Vote | undefined) => (vote === undefined ? null : { metric: vote.metric, bound: vote.bound })
  return {
    unit,
    at,
    results: votes.length,
    values: new Set(votes.map(({ digest }) => digest)).size,
    leading: votes.length - others.length,
    nearest: distance(others[0]),
    farthest: distance(others.at(-1))
  }
}

export function replicasOf(votes: readonly Vote[], { verification }: JobSpec, isSettled: boolean): readonly Replica[] {
  const { kind } = verification.comparator
  return votes.map(({ holder: { host, account, executor }, numericClass, probeVersion, verdict, digest, metric, bound, computeMs }) => ({
    host,
    account,
    executor,
    numericClass,
    probeVersion,
    verdict: isSettled ? verdict : 'undecided',
    digest,
    metric,
    bound,
    difference:
      verdict === 'canonical' ? (isSettled ? 'the value that is kept' : 'the leading answer') : differenceSentence(kind, { metric, bound }),
    seconds: computeMs / 1_000
  }))
}

/** The first elements of each output. */
export function settledValue(
  { outputs }: JobSpec,
  { digest, value, settledAt, errorProbability }: SettledUnit
): NonNullable<UnitReplicas['value']> {
  const shown = outputReaders(outputs, value).map((reader): [string, (number | string)[]] => [
    reader.output.name,
    Array.from({ length: Math.min(SHOWN_ELEMENTS_MAX, reader.count) }, (_, index) => jsonNumber(reader.at(index)))
  ])
  return { digest, outputs: Object.fromEntries(shown), settledAt, errorProbability }
}

/** JSON has no NaN and no infinities: they go as words. */
function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** All that is known of some host, whatever it ran. One pass over the reputations, for people who ask. */
export function reputationsByHost({ trust }: CoordinatorState): ReadonlyMap<HostId, readonly Reputation[]> {
  const hosts = new Map<HostId, Reputation[]>()
  for (const reputation of trust.reputations.values()) {
    const known = hosts.get(reputation.host)
    if (known === undefined) hosts.set(reputation.host, [reputation])
    else known.push(reputation)
  }
  return hosts
}

export function hostReputation({ trust }: CoordinatorState, host: HostId, known: readonly Reputation[]): HostReputation {
  const ban = trust.bans.get(host)
  const sum = (of: (reputation: Reputation) => number) => known.reduce((total, reputation) => total + of(reputation), 0)
  const passed = Math.max(0, ...known.map((reputation) => reputation.passed))
  const [checks, failures] = [sum((reputation) => reputation.checks), sum((reputation) => reputation.failures)]
  const doubts = known.length === 0 ? [doubtAbout(trust, undefined)] : known.map((reputation) => doubtAbout(trust, reputation))
  return {
    ...words(ban?.cause, { isSuspect: known.some(isFailing), passed, checks, failures }),
    checks,
    passed,
    failures,
    doubt: ban === undefined ? Math.max(...doubts) : 0.5,
    ban: ban === undefined ? null : { cause: ban.cause, at: ban.at, swept: ban.swept }
  }
}

export function hostReputationDetail(state: CoordinatorState, host: HostId, known: readonly Reputation[]): HostReputationDetail {
  const programs = known.map((reputation) => {
    const { executor, program, checks, passed, failures } = reputation
    return { executor, program, checks, passed, failures, doubt: doubtAbout(state.trust, reputation) }
  })
  return { host, ...hostReputation(state, host, known), programs }
}

interface Shown {
  readonly isSuspect: boolean
  readonly passed: number
  readonly checks: number
  readonly failures: number
}

const NOTHING_TO_DO = 'Nothing is to be done.'

function words(
  ban: 'collusion' | 'errors' | undefined,
  { isSuspect, passed, checks, failures }: Shown
): Pick<HostReputation, 'standing' | 'sentence' | 'remedy'> {
  const { sentence, remedy } = REASONS.host_banned
  if (ban === 'errors') return { standing: 'banned', sentence, remedy }
  if (ban === 'collusion')
    return {
      standing: 'banned',
      sentence: 'This device gets no more work here: more than once it had the same wrong answer as another one.',
      remedy: 'Check what program runs on it. Then ask the operator to take it back.'
    }
  if (isSuspect)
    return {
      standing: 'suspect',
      sentence: `${failures === 1 ? '1 result' : `${failures} results`} of this device were wrong by comparison, so others compute its units as well, and it gets fewer.`,
      remedy: 'Check for overclocking, heat and broken memory, or update the graphics driver. Agreements with others restore it.'
    }
  if (checks === 0)
    return {
      standing: 'unknown',
      sentence: 'No result of this device has been compared with one of another.',
      remedy: `${NOTHING_TO_DO} It earns trust with the units that others compute as well.`
    }
  const row =
    passed === 1 ? 'Its last compared result agreed with another one.' : `Its last ${passed} compared results agreed with those of others.`
  if (passed >= ADAPTIVE_ROW) return { standing: 'proven', sentence: row, remedy: NOTHING_TO_DO }
  return {
    standing: 'earning',
    sentence: passed === 0 ? 'Its last compared result differed from the others.' : row,
    remedy: `${NOTHING_TO_DO} It needs more comparisons.`
  }
}
