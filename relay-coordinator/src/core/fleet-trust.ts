/** What the coordinator believes of its fleet: reputations, bans, and the share of answers that come from hosts that lie. */
import type { HostId } from '@peercompute/job-specs'
import type { Reputation, ReputationKey } from './reputation.ts'

export interface Ban {
  readonly host: HostId
  readonly cause: BanCause
  readonly at: number
  /** Units that it had decided alone, or with other banned hosts only, have been reopened. */
  swept: boolean
}

/** `collusion`: the same wrong answers as others, twice or more. `errors`: far more wrong answers than a sound device gives. */
export type BanCause = 'collusion' | 'errors'

export interface FleetTrust {
  readonly reputations: Map<ReputationKey, Reputation>
  readonly bans: Map<HostId, Ban>
  /** Estimated share of executions by hosts that lie or are broken, in (0, 1). */
  suspects: number
}

/** Before anything is known of a fleet. */
export const SUSPECTS_AT_FIRST = 0.2

export function emptyFleetTrust(): FleetTrust {
  return { reputations: new Map(), bans: new Map(), suspects: SUSPECTS_AT_FIRST }
}
