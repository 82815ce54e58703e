/** What a fleet has done and met, as plain data that crosses processes. */

export interface Tally {
  /** Volunteers that are introduced now. */
  connected: number
  /** Introductions so far. */
  joins: number
  /** Volunteers that hold all they are to keep. */
  keeping: number
  /** Contacts that were answered: what was done is reported and more is asked for, in one. */
  contacts: number
  /** Contacts whose answer held no work. */
  empty: number
  /** Units leased to these volunteers. */
  leased: number
  /** Reported units by the coordinator's answer. */
  answers: Record<string, number>
  /** Lost connections and refusals by what was said, each cut to FAILURE_MAX characters. */
  failures: Record<string, number>
  /** Milliseconds from the moment at which a contact was due until all of it was answered. At most LATENCIES_MAX. */
  latencies: number[]
  /** When the last report was handed to the transport, ms of the machine's monotonic clock. 0: never. */
  lastReportAt: number
}

const LATENCIES_MAX = 200_000
const FAILURE_MAX = 120

export function emptyTally(): Tally {
  return { connected: 0, joins: 0, keeping: 0, contacts: 0, empty: 0, leased: 0, answers: {}, failures: {}, latencies: [], lastReportAt: 0 }
}

export function noteFailure(tally: Tally, error: unknown): void {
  count(tally.failures, (error instanceof Error ? error.message : String(error)).slice(0, FAILURE_MAX), 1)
}

export function noteLatency(tally: Tally, ms: number): void {
  if (tally.latencies.length < LATENCIES_MAX) tally.latencies.push(ms)
}

export function count(counts: Record<string, number>, name: string, by: number): void {
  counts[name] = (counts[name] ?? 0) + by
}

export function sumTallies(tallies: readonly Tally[]): Tally {
  const sum = emptyTally()
  for (const tally of tallies) {
    for (const name of ['connected', 'joins', 'keeping', 'contacts', 'empty', 'leased'] as const) sum[name] += tally[name]
    for (const name of ['answers', 'failures'] as const)
      for (const [key, value] of Object.entries(tally[name])) count(sum[name], key, value)
    sum.latencies.push(...tally.latencies)
    sum.lastReportAt = Math.max(sum.lastReportAt, tally.lastReportAt)
  }
  return sum
}
