/** When a client dials its lost relay again, so that a crowd does not come back in one second. */
import { backoffDelay } from './time/backoff.ts'
import { JOINS_PER_SECOND, REDIAL_BASE_MS, REDIAL_CAP_MS } from './settings.ts'
import type { Random } from './time/clock.ts'

/** The clients of the lost relay as one of them knew them: how many, and its own place, from 0, in the order of their PeerIds. */
export interface Crowd {
  readonly size: number
  readonly rank: number
}

export const ALONE: Crowd = { size: 1, rank: 0 }

/**
 * The first try comes at once: mostly it is this client's own line, or its blocked thread, that broke. After that, a small crowd
 * waits with full jitter, at most 10 s. Of a larger one, each client tries once in a period, at its own moment of the wall
 * clock: chance alone would put more than twice the average into the worst second. Clocks that differ, and crowds that are
 * known in part only, bring it back to chance, no worse.
 */
export function redialDelay(init: { attempt: number; crowd: Crowd; now: number; random: Random }): number {
  const { attempt, crowd, now, random } = init
  if (attempt === 0 || crowd.size <= JOINS_PER_SECOND) {
    return backoffDelay({ baseMs: REDIAL_BASE_MS, capMs: REDIAL_CAP_MS }, attempt, random)
  }
  const periodMs = redialPeriodMs(crowd.size)
  const slotMs = periodMs / crowd.size
  const waitMs = (crowd.rank + 0.5) * slotMs - (now % periodMs)
  // a timer that fires a little early must not try twice in one slot
  return Math.ceil(waitMs > slotMs / 2 ? waitMs : waitMs + periodMs)
}

/** 10 s, doubled until at most JOINS_PER_SECOND of the crowd come in one second. Few steps, so that clients agree on it. */
export function redialPeriodMs(crowd: number): number {
  let periodMs = REDIAL_CAP_MS
  while (crowd > (periodMs / 1_000) * JOINS_PER_SECOND) periodMs *= 2
  return periodMs
}
