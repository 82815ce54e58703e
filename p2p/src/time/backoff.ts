/** Full jitter: a uniform share of an exponentially growing, capped span, so that many clients do not return in one wave. */
import type { Random } from './clock.ts'

export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

/** Delay before attempt number `attempt` (from 0), in whole ms: uniform in [0, min(cap, base · 2^attempt)). */
export function backoffDelay({ baseMs, capMs }: Backoff, attempt: number, random: Random): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)))
}
