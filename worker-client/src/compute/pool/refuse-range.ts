import type { RunEvents, UnitRange } from '../compute-worker.ts'
import type { Refusal } from './unit-protocol.ts'

/** Gives every unit of a range the same refusal. */
export function refuseRange({ start, count }: UnitRange, { reason, message }: Refusal, events: RunEvents): void {
  for (let unit = start; unit < start + count; unit++) events.outcome({ unit, ok: false, reason, message, computeMs: 0 })
}
