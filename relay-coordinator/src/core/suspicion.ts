/**
 * The share of executions by hosts that lie or are broken, from what comparisons have shown. A host is sound and wrong in one of 500
 * comparisons, or it is bad and wrong at one of several rates; how probable the second is follows from its comparisons (Bayes).
 */

/** The last comparisons of a host. */
export interface Recent {
  checks: number
  failures: number
  colluded: number
}

/** Before anything is known of a fleet, and for each host that nothing is known of. */
export const SUSPECTS_AT_FIRST = 0.2
/**
 * Executions that this assumption weighs for each host. With 200 hosts and 200 000 units, 5 % of them liars at 0.1, one seed: 20 gave 1.16
 * executions a unit and 0.104 % wrong, 50 gave 1.18 and 0.081 % (before a host's older comparisons counted as well).
 */
const WEIGHT_AT_FIRST = 50
/** Of a sound device, in a comparison. */
export const SOUND_ERROR_RATE = 0.002
const BAD_ERROR_RATES = [0.02, 0.05, 0.1, 0.2, 0.5, 0.99]

/** Of each of the rates: how much one failure, and one agreement, speak for it and against the sound one. */
const LOG_RATIOS = BAD_ERROR_RATES.map((rate) => ({
  failed: Math.log(rate / SOUND_ERROR_RATE),
  passed: Math.log((1 - rate) / (1 - SOUND_ERROR_RATE))
}))

/** Probability that the host is bad: by all its comparisons, or by the last ones when there are failures among them. */
export function badProbability({ checks, failures, recent }: { checks: number; failures: number; recent: Recent }): number {
  const inAll = posterior(checks, failures)
  return recent.failures === 0 || recent.checks === checks ? inAll : Math.max(inAll, posterior(recent.checks, recent.failures))
}

function posterior(checks: number, failures: number): number {
  let ratio = 0
  for (const { failed, passed } of LOG_RATIOS) ratio += Math.exp(failures * failed + (checks - failures) * passed)
  const odds = ((SUSPECTS_AT_FIRST / (1 - SUSPECTS_AT_FIRST)) * ratio) / LOG_RATIOS.length
  return odds === Infinity ? 1 : odds / (1 + odds)
}

/** Sums over all reputations. */
export interface Evidence {
  hosts: number
  executions: number
  /** Executions, each weighted with the probability that its host is bad. */
  suspicious: number
}

export function noEvidence(): Evidence {
  return { hosts: 0, executions: 0, suspicious: 0 }
}

/** In an honest fleet with n executions a host it falls as 10 / (n + 50); it rises as soon as votes are lost. */
export function suspectsOf({ hosts, executions, suspicious }: Evidence): number {
  if (hosts === 0) return SUSPECTS_AT_FIRST
  return (SUSPECTS_AT_FIRST * WEIGHT_AT_FIRST * hosts + suspicious) / (WEIGHT_AT_FIRST * hosts + executions)
}

/** `sign` 1: it counts from now on; −1: it no longer does. */
export function countEvidence(evidence: Evidence, { executions, bad }: { executions: number; bad: number }, sign: 1 | -1): void {
  evidence.hosts += sign
  evidence.executions += sign * executions
  evidence.suspicious += sign * executions * bad
}

const CHECK_SHARE_MIN = 0.03
const CHECK_SHARE_MAX = 0.1

/** Of believed single results: the more of the fleet is suspected, the more of them are computed a second time. */
export function checkShareOf(suspects: number): number {
  return Math.min(CHECK_SHARE_MAX, Math.max(CHECK_SHARE_MIN, suspects))
}
