/**
 * Credibility-based voting (L. F. G. Sarmenta, Sabotage-tolerance mechanisms for volunteer computing systems, CCGRID 2001, §3.3): how
 * probable it is that an answer is right, from how much is known of the hosts behind it and behind the others.
 */

/**
 * Probability in (0, 0.5] that an answer is wrong, of a host that has passed `passed` checks, in a fleet of which a share `suspects` f lies.
 * Whoever lies at a rate s is still unfound with probability (1 − s)^k, so an answer is wrong with at most f/(1 − f) · max s·(1 − s)^k. The
 * maximum, k^k / (k + 1)^(k + 1), stands here instead of the larger 1 / (k·e) of eq. 2: a third less after one check, the same after many.
 */
export function doubtOf(passed: number, suspects: number): number {
  const unfound = (passed / (passed + 1)) ** passed / (passed + 1)
  return Math.min(0.5, suspects, (suspects / (1 - suspects)) * unfound)
}

/**
 * The same by all comparisons of a host that has failed: a liar of rate s has so many failures m in k comparisons with a probability that is
 * (s / e)^m · ((1 − s) / (1 − e))^(k − m) times that of a sound host, which is wrong at the rate e. Its greatest product with s stands here.
 */
export function doubtAfterFailures(
  { checks, failures }: { checks: number; failures: number },
  suspects: number,
  soundErrorRate: number
): number {
  const rate = (failures + 1) / (checks + 1)
  if (rate >= 1) return Math.min(0.5, suspects)
  const told = failures * Math.log(rate / soundErrorRate) + (checks - failures) * Math.log((1 - rate) / (1 - soundErrorRate))
  return Math.min(0.5, suspects, (suspects / (1 - suspects)) * rate * Math.exp(told))
}

/** For each group of answers, given the doubts of its members: the probability that its answer is right (eq. 3). */
export function groupCredibilities(groups: readonly (readonly number[])[]): number[] {
  const right = groups.map((doubts) => doubts.reduce((product, doubt) => product * (1 - doubt), 1))
  const wrong = groups.map((doubts) => doubts.reduce((product, doubt) => product * doubt, 1))
  const allWrong = wrong.reduce((product, p) => product * p, 1)
  const onlyRight = groups.map((_, group) =>
    wrong.reduce((product, p, other) => (other === group ? product : product * p), right[group] ?? 0)
  )
  const total = allWrong + onlyRight.reduce((sum, p) => sum + p, 0)
  return onlyRight.map((p) => (total === 0 ? 0 : p / total))
}
