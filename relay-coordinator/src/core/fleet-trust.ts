/** What the coordinator believes of its fleet: reputations, bans, and the share of answers that come from hosts that lie. */
import type { HostId, JobId } from '@peercompute/job-specs'
import { reputationKey, type Reputation, type ReputationKey } from './reputation.ts'
import { countEvidence, noEvidence, SUSPECTS_AT_FIRST, suspectsOf, type Evidence } from './suspicion.ts'

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
  readonly evidence: Evidence
  /** Hosts that had the same wrong answer as this one. In memory only. */
  readonly accomplices: Map<HostId, Set<HostId>>
  /** Jobs whose verifier has passed a value that lost a vote: its verdicts are worth nothing any more. In memory only. */
  readonly fooled: Set<JobId>
}

/** Hosts of which accomplices are remembered; the earliest are forgotten. */
const ACCOMPLICES_MAX = 10_000

export function emptyFleetTrust(): FleetTrust {
  return {
    reputations: new Map(),
    bans: new Map(),
    suspects: SUSPECTS_AT_FIRST,
    evidence: noEvidence(),
    accomplices: new Map(),
    fooled: new Set()
  }
}

export function addReputation(trust: FleetTrust, reputation: Reputation): void {
  trust.reputations.set(reputationKey(reputation.host, reputation.executor, reputation.program), reputation)
  countEvidence(trust.evidence, reputation, 1)
  trust.suspects = suspectsOf(trust.evidence)
}

/** Of one that has been added. Nothing else changes its figures, so that `suspects` follows from them. */
export function changeReputation(trust: FleetTrust, reputation: Reputation, change: (reputation: Reputation) => void): void {
  countEvidence(trust.evidence, reputation, -1)
  change(reputation)
  countEvidence(trust.evidence, reputation, 1)
  trust.suspects = suspectsOf(trust.evidence)
}

export function haveColluded({ accomplices }: FleetTrust, a: HostId, b: HostId): void {
  for (const [from, to] of [
    [a, b],
    [b, a]
  ] as const) {
    const known = accomplices.get(from)
    if (known !== undefined) known.add(to)
    else accomplices.set(from, new Set([to]))
  }
  for (const oldest of accomplices.keys()) {
    if (accomplices.size <= ACCOMPLICES_MAX) return
    accomplices.delete(oldest)
  }
}
