/** How much work a host keeps in hand. All in seconds of the executor's own time. */

/** Under this, one late answer would let the executor run dry. */
const LEAST_SECONDS = 2
/** Over this, other hosts wait for units that lie here. */
const MOST_SECONDS = 30
/** An ask may be lost with its connection: what is held must last for the answer to a second one. */
const ROUND_TRIPS = 3

export interface PrefetchInput {
  readonly roundTripMs: number
  /** Seconds from one finished unit to the next, over all slots. */
  readonly unitSeconds: number
}

/** Ask for more when less than this is held. */
export function prefetchSeconds({ roundTripMs, unitSeconds }: PrefetchInput): number {
  return Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, (ROUND_TRIPS * roundTripMs) / 1_000 + 2 * unitSeconds))
}
