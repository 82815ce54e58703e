/** Leases as the coordinator remembers them, and whose they are. */
import type { AccountId, ExecutorKind, HostId, JobId } from '@peercompute/job-specs'
import type { RangeSet } from './range-set.ts'

/** One host's executor, whose opinion something is. */
export interface Voice {
  readonly host: HostId
  readonly account: AccountId
  /** IPv4 /24 or IPv6 /48 that the coordinator saw. */
  readonly subnet: string
  readonly executor: ExecutorKind
}

/** Whose opinion a result is, for counting independent ones. */
export interface Holder extends Voice {
  /** Others whose saved state the execution went on from: a result is their opinion as well. Never empty. */
  readonly resumed?: readonly Voice[]
}

/** All whose opinion it is, the one that computed last first. */
export function voicesOf(holder: Holder): readonly Voice[] {
  return holder.resumed === undefined ? [holder] : [holder, ...holder.resumed]
}

/** Whether a part of the execution is somebody else's. */
export function isResumed(holder: Holder): boolean {
  return holder.resumed !== undefined
}

/** A lease that still has unreported units. `over`: its units may be given to others, a late report is still welcome. */
export interface HeldLease {
  readonly job: JobId
  readonly epoch: number
  readonly start: number
  readonly count: number
  readonly holder: Holder
  /** Coordinator's clock, epoch ms. */
  readonly givenAt: number
  deadline: number
  over: boolean
  /** It takes far longer than usual: its units may be given to others, although it goes on. */
  straggling: boolean
  readonly unreported: RangeSet
}
