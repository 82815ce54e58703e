/**
 * Full jitter: uniform in [0, min(cap, base · 2^attempt)), so that a thousand clients that lost one coordinator at the same
 * moment do not come back at the same moment. `attempt` counts from 0 and may grow for ever.
 */
export interface BackoffLimits {
  readonly baseMs: number
  readonly capMs: number
}

export const RECONNECT_BACKOFF: BackoffLimits = { baseMs: 500, capMs: 60_000 }

export function fullJitterMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  return random() * Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 52))
}
