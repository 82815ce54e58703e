/** What an executor does with its time, as it tells itself with each outcome. */
import type { ComputeWorker, UnitOutcome } from '@peercompute/worker-client'

export interface TimedOutcome {
  readonly unit: number
  /** When it was heard, by `performance.now()` of that process. */
  readonly at: number
  readonly computeMs: number
  readonly ok: boolean
}

/** The same executor; every outcome is noted. */
export function timed(worker: ComputeWorker, note: (outcome: TimedOutcome) => void): ComputeWorker {
  return {
    executor: worker.executor,
    get unavailable() {
      return worker.unavailable
    },
    lend(lending) {
      worker.lend(lending)
    },
    stop: () => worker.stop(),
    run: (range, events, signal) =>
      worker.run(
        range,
        {
          ...events,
          outcome(outcome: UnitOutcome) {
            note({ unit: outcome.unit, at: performance.now(), computeMs: outcome.computeMs, ok: outcome.ok })
            events.outcome(outcome)
          }
        },
        signal
      )
  }
}

/** Share of the time from `from` to `to` in which one slot computed. A unit reaches back from when it was heard. */
export function utilisation(outcomes: readonly TimedOutcome[], from: number, to: number): number {
  let busy = 0
  for (const { at, computeMs } of outcomes) busy += Math.max(0, Math.min(at, to) - Math.max(at - computeMs, from))
  return busy / (to - from)
}

/** Milliseconds between the end of a unit, as it was heard, and the beginning of the next: what utilisation loses, longest first. */
export function gaps(outcomes: readonly TimedOutcome[]): number[] {
  return outcomes
    .slice(1)
    .map(({ at, computeMs }, index) => Math.round(at - computeMs - (outcomes[index]?.at ?? at)))
    .sort((a, b) => b - a)
}
