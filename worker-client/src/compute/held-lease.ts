import type { JobId, Lease } from '@peercompute/job-specs'

/** A lease in this host's hands, by its own clock. */
export interface HeldLease {
  readonly lease: Lease
  /** Units without an outcome. */
  readonly unfinished: Set<number>
  /** Those of them that no run has taken. */
  readonly waiting: Set<number>
  /** How often a unit failed here for a reason that is not its own, and what was said the first time. */
  readonly tries: Map<number, { readonly count: number; readonly first: string }>
  /** Units of which a state is kept. */
  readonly saved: Set<number>
  /** Epoch ms of this host's clock, so that a wrong clock does no harm. */
  deadline: number
  renewAt: number
  /** It ran out or was taken away: what runs of it ends, nothing more is started or renewed. */
  lost: boolean
}

/** The coordinator expects renewals at a third of the time: two may fail. */
const RENEW_AT = 1 / 3

export function holdLease(lease: Lease, now: number): HeldLease {
  const units = Array.from({ length: lease.count }, (_, index) => lease.start + index)
  return {
    lease,
    unfinished: new Set(units),
    waiting: new Set(units),
    tries: new Map(),
    saved: new Set(),
    deadline: now + lease.durationMs,
    renewAt: now + lease.durationMs * RENEW_AT,
    lost: false
  }
}

export function renewLease(held: HeldLease, durationMs: number, now: number): void {
  held.deadline = now + durationMs
  held.renewAt = now + durationMs * RENEW_AT
}

/** Takes the first run of consecutive waiting units, at most `most` long. Null when none waits. */
export function takeRange(held: HeldLease, most: number): { readonly start: number; readonly count: number } | null {
  let start = -1
  let count = 0
  for (const unit of held.waiting) {
    if (count > 0 && (unit !== start + count || count === most)) break
    if (count === 0) start = unit
    count++
  }
  for (let unit = start; unit < start + count; unit++) held.waiting.delete(unit)
  return count === 0 ? null : { start, count }
}

/** Gives up the units that no run has taken. True when none is left at all. */
export function forgetWaiting({ waiting, unfinished }: HeldLease): boolean {
  for (const unit of waiting) unfinished.delete(unit)
  waiting.clear()
  return unfinished.size === 0
}

export function leaseKey({ job, epoch }: { readonly job: JobId; readonly epoch: number }): string {
  return `${job}-${epoch}`
}
