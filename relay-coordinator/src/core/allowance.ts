/** How much a host may hold at the same time: little while nothing of it has been validated, so that a new key is worth little. */
import type { ExecutorKind } from '@peercompute/job-specs'
import type { CoordinatorState, HostEntry } from './state.ts'

const LEASES_AT_FIRST = 2
export const LEASES_MAX = 32
/** Validated units after which it may hold twice as many. */
export const DOUBLED_AFTER = 10
/** A lease is a range, so units are bounded as well: enough for a second of the shortest ones. */
const UNITS_A_LEASE = 256
/** Units that a host may hold at the same time. */
export const HELD_UNITS_MAX = LEASES_MAX * UNITS_A_LEASE

export interface Room {
  readonly leases: number
  readonly units: number
}

/** Leases that it may hold; of jobs with whose program it has failed lately (`suspect`), as many as a new one. */
export function leasesAllowed({ validated }: Pick<HostEntry, 'validated'>, suspect = false): number {
  const doubled = suspect ? 0 : Math.floor(Math.max(0, validated) / DOUBLED_AFTER)
  return Math.min(LEASES_MAX, LEASES_AT_FIRST * 2 ** doubled)
}

/** What it may still be given. Each of its executors may hold one lease, or a new host could not use all of them. */
export function roomOf({ leasesOf }: CoordinatorState, host: HostEntry, executor: ExecutorKind, suspect = false): Room {
  const allowed = leasesAllowed(host, suspect)
  const held = leasesOf.get(host.host)
  const left = allowed - (held?.size ?? 0)
  const leases = left > 0 || holdsFor(held, executor) ? left : 1
  return { leases, units: allowed * UNITS_A_LEASE - host.unitsHeld }
}

export function isFull({ leases, units }: Room): boolean {
  return leases <= 0 || units <= 0
}

function holdsFor(held: Iterable<{ readonly holder: { readonly executor: ExecutorKind } }> = [], executor: ExecutorKind): boolean {
  for (const { holder } of held) if (holder.executor === executor) return true
  return false
}
