/**
 * Whether a host is given unsent units although others wait. Units that are computed twice would otherwise go to whoever asks next, so that
 * two colluders meet by asking one after the other.
 */
import { unitValueBytes, type HostId } from '@peercompute/job-specs'
import type { JobEntry } from './job.ts'
import type { CorePolicy } from './policy.ts'
import type { CoordinatorState } from './state.ts'
import type { ShareRule } from './subnet-share.ts'
import { trialSeats } from './trial.ts'

/** Those who are connected. */
export interface Fleet extends ShareRule {
  readonly hosts: number
}

export const NOBODY_ELSE: Fleet = { hosts: 1, subnets: 1, subnetShare: 1 }

export function fleetOf({ totals, subnets }: CoordinatorState, { subnetShare }: CorePolicy): Fleet {
  return { hosts: totals.connected, subnets: subnets.size, subnetShare }
}

/** With so few there is nothing to draw. */
const HOSTS_NOT_MIXED = 2
/** Hosts beyond which a unit's second host need not be drawn from more. */
const MIXED_HOSTS_MAX = 32
/** Units, and bytes of their values, that wait for it meanwhile. */
const MIXED_UNITS_MAX = 1_024
const MIXED_BYTES_MAX = 16_777_216

/** Leases, over all hosts and jobs, during which one that gave units back is not given waiting ones. */
const CHOOSY_TURNS = 64

/**
 * Whether the host may get waiting units while there are others. One that asks, gives back and asks again would come by the units that it
 * wants. What waits when nothing else is left is for everybody.
 */
export function mayTakeWaiting({ gaveBack, turns, totals }: CoordinatorState, host: HostId): boolean {
  const turn = gaveBack.get(host)
  return turn === undefined || totals.connected <= HOSTS_NOT_MIXED || turns - turn >= CHOOSY_TURNS
}

/**
 * Probability that it is, for an ask of `units`. With w waiting units it is m / (w + m), so that about m wait: as many as all the hosts that
 * may take them ask for at once. Who is given which is then as if the hosts were drawn.
 */
export function unsentFirst(job: JobEntry, units: number, { hosts }: Fleet): number {
  const others = Math.min(MIXED_HOSTS_MAX, trialSeats(job) ?? hosts, hosts) - HOSTS_NOT_MIXED
  if (others <= 0) return 0
  const mixed = Math.min(units * others, MIXED_UNITS_MAX, MIXED_BYTES_MAX / unitValueBytes(job.signed.spec.outputs))
  return mixed / (job.wanting.size + mixed)
}
