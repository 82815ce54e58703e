/** What policies cost and how often they err, as formulas. `lies` is the share of executions that come back wrong, all with one answer. */

/** Probability that the wrong answer is first to have `quorum` votes (m-first voting). */
export function votingError(quorum: number, lies: number): number {
  let sum = 0
  for (let right = 0; right < quorum; right++) sum += choose(quorum - 1 + right, right) * lies ** quorum * (1 - lies) ** right
  return sum
}

/** Executions until one answer has `quorum` votes, on average. */
export function votingExecutions(quorum: number, lies: number): number {
  let sum = 0
  for (let other = 0; other < quorum; other++) {
    const ways = choose(quorum - 1 + other, other)
    sum += (quorum + other) * ways * (lies ** quorum * (1 - lies) ** other + (1 - lies) ** quorum * lies ** other)
  }
  return sum
}

/** Share of hosts that a coordinator takes for liars before it knows its fleet, and the executions of each host that this assumption weighs. */
export const SUPPOSED_LIARS = 0.2
export const SUPPOSED_WEIGHT = 50
/** Share of units that it has computed twice although one result would do: as many as are suspected, within these bounds. */
export const CHECKS: readonly [number, number] = [0.03, 0.1]

/** Executions of each host after which nothing changes any more. */
const LEARNT = 20_000

/** Agreeing results of different hosts that a unit needs at first, when nothing is known of any host. */
export function resultsAtFirst(errorProbability: number): number {
  return Math.max(
    1,
    Math.ceil(Math.log(errorProbability / (1 - errorProbability)) / Math.log(SUPPOSED_LIARS / (1 - SUPPOSED_LIARS)) - 1e-9)
  )
}

export interface Credibility {
  readonly units: number
  readonly hosts: number
  readonly errorProbability: number
  /** Share of the hosts that lie, and share of their answers that are lies. */
  readonly liars: number
  readonly lying: number
}

/**
 * Executions of each unit by credibility-based voting (L. F. G. Sarmenta, CCGRID 2001), on average, when all hosts learn evenly. After k
 * agreements a host is wrong with probability f / (1 − f) · k^k / (k + 1)^(k + 1); as many must agree as make the answer wrong with at
 * most the accepted probability. The share of suspects f goes from what is supposed to what is true as the hosts execute.
 */
export function credibilityExecutions({ units, hosts, errorProbability, liars, lying }: Credibility): number {
  const odds = Math.log(errorProbability / (1 - errorProbability))
  let [left, executions, passed, checks] = [units, 0, 0, CHECKS[1]]
  for (let each = 0; left > 0 && each < LEARNT; each++) {
    const suspects = (SUPPOSED_LIARS * SUPPOSED_WEIGHT + liars * each) / (SUPPOSED_WEIGHT + each)
    const doubt = Math.min(suspects, ((suspects / (1 - suspects)) * (passed / (passed + 1)) ** passed) / (passed + 1))
    const needed = Math.max(1, Math.ceil(odds / Math.log(doubt / (1 - doubt)) - 1e-9))
    checks = Math.min(CHECKS[1], Math.max(CHECKS[0], suspects))
    const cost = needed > 1 ? needed : 1 + checks
    const done = Math.min(left, hosts / cost)
    executions += done * cost
    left -= done
    passed += needed > 1 ? 1 : (2 * checks) / cost
  }
  return (executions + left * (1 + checks)) / units / (1 - liars * lying)
}

/** Agreements in a row after which BOINC's adaptive replication begins to believe a host alone. */
const ADAPTIVE_ROW = 10

/** Executions of each unit by BOINC's adaptive replication, on average: a host with a row of n ≥ 10 is believed alone with probability 1 − 1/n. */
export function adaptiveExecutions({
  units,
  hosts,
  quorum,
  liars,
  lying
}: Omit<Credibility, 'errorProbability'> & { readonly quorum: number }): number {
  const voted = votingExecutions(quorum, liars * lying)
  let [left, executions, row] = [units, 0, 0]
  for (let each = 0; left > 0 && each < LEARNT; each++) {
    const alone = row >= ADAPTIVE_ROW ? 1 - 1 / row : 0
    const cost = alone + (1 - alone) * voted
    const done = Math.min(left, hosts / cost)
    executions += done * cost
    left -= done
    row += ((1 - alone) * voted) / cost
  }
  return (executions + left) / units
}

function choose(n: number, k: number): number {
  let ways = 1
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i
  return ways
}
