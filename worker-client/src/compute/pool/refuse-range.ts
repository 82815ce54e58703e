import type { UnitOutcome, UnitRange } from '../compute-worker.ts'
import type { Refusal } from './unit-protocol.ts'

/** Gives every unit of a range the same refusal. */
export function refuseRange({ start, count }: UnitRange, { reason, message }: Refusal, onOutcome: (outcome: UnitOutcome) => void): void {
  for (let unit = start; unit < start + count; unit++) onOutcome({ unit, ok: false, reason, message, computeMs: 0 })
}
