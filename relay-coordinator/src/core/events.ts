/** Everything that can change the state. An event holds all that its row in the store needs. */
import type {
  AccountId,
  ContentHash,
  HostDescription,
  HostId,
  JobId,
  JobState,
  ReasonCode,
  Reduced,
  SignedSpec,
  UnitFailure
} from '@peercompute/job-specs'
import type { BanCause } from './fleet-trust.ts'
import type { Fault } from './fault.ts'
import type { Holder } from './held-lease.ts'
import type { FailedAttempt, PendingResult } from './unit.ts'
import type { UnitCheckpoint } from './unit-checkpoint.ts'

/** A result's part in the settlement of its unit. */
export interface Vote {
  readonly epoch: number
  readonly holder: Holder
  readonly numericClass: string
  readonly probeVersion: number
  readonly verdict: 'canonical' | 'agrees' | 'rejected'
  readonly digest: ContentHash
  readonly computeMs: number
  /** How far its value is from the canonical one in the measure of the job's comparator, and how far it may be. */
  readonly metric: number
  readonly bound: number
}

/** A settled unit that is taken back. `doubted`: its results stay as votes and others join them. `banned`: they are forgotten. */
export interface ReopenedUnit {
  readonly unit: number
  readonly value: Uint8Array
  readonly votes: readonly Vote[]
  readonly keep: readonly PendingResult[]
}

/** `overtaken`: others were faster with all that was left of it. */
export type LeaseEnd = 'reported' | 'released' | 'expired' | 'disconnected' | 'job-closed' | 'overtaken' | 'banned'

export type CoordinatorEvent =
  | {
      readonly type: 'job-submitted'
      readonly job: JobId
      readonly signed: SignedSpec
      readonly custodial: boolean
      readonly missingBlobs: readonly ContentHash[]
      readonly held: boolean
      readonly at: number
    }
  | { readonly type: 'job-blob'; readonly job: JobId; readonly sha256: ContentHash }
  /** Its author was approved of. */
  | { readonly type: 'job-approved'; readonly job: JobId; readonly at: number }
  /** `why`: set when it was not the author, nor the end of the work, that brought it there. */
  | { readonly type: 'job-state'; readonly job: JobId; readonly state: JobState; readonly at: number; readonly why?: ReasonCode }
  /** It comes from a ledger: leases are numbered from here on. */
  | { readonly type: 'job-restored'; readonly job: JobId; readonly nextEpoch: number; readonly at: number }
  /** Settled before the store was lost: their values are not held. */
  | {
      readonly type: 'units-restored'
      readonly job: JobId
      readonly start: number
      readonly count: number
      readonly at: number
    }
  | { readonly type: 'credit-restored'; readonly account: AccountId; readonly microCredits: number }
  | { readonly type: 'job-retired'; readonly job: JobId }
  | {
      readonly type: 'host-connected'
      readonly host: HostId
      readonly account: AccountId
      readonly label: string
      readonly description: HostDescription
      readonly subnet: string
      /** It can go on from a saved state. Not stored: it says so again. */
      readonly resumes?: true
      readonly at: number
    }
  | { readonly type: 'host-disconnected'; readonly host: HostId; readonly at: number }
  | {
      readonly type: 'leased'
      readonly job: JobId
      readonly epoch: number
      readonly start: number
      readonly count: number
      readonly holder: Holder
      readonly deadline: number
    }
  /** In the place of the one before. */
  | { readonly type: 'checkpoint-saved'; readonly job: JobId; readonly unit: number; readonly checkpoint: UnitCheckpoint }
  | { readonly type: 'lease-renewed'; readonly job: JobId; readonly epoch: number; readonly deadline: number }
  /** It takes far longer than usual: others help. The host may go on. Not stored: it is found out again. */
  | { readonly type: 'lease-straggling'; readonly job: JobId; readonly epoch: number }
  /** `overtaken`: the host that can stop computing it. */
  | { readonly type: 'lease-over'; readonly job: JobId; readonly epoch: number; readonly cause: LeaseEnd; readonly overtaken?: HostId }
  | { readonly type: 'result'; readonly job: JobId; readonly unit: number; readonly result: PendingResult }
  | {
      readonly type: 'failure'
      readonly job: JobId
      readonly unit: number
      readonly attempt: FailedAttempt
      readonly at: number
      /** Of the executor that failed. */
      readonly numericClass?: string
    }
  | {
      readonly type: 'settled'
      readonly job: JobId
      readonly unit: number
      readonly digest: ContentHash
      readonly value: Uint8Array
      readonly votes: readonly Vote[]
      readonly microCredits: number
      /** Probability that the value is wrong, by what is known of the hosts that agreed. */
      readonly errorProbability: number
      /** What it says against hosts; absent when it says nothing. Not stored: reputations are. */
      readonly faults?: readonly Fault[]
      readonly at: number
    }
  | {
      readonly type: 'units-reopened'
      readonly job: JobId
      readonly cause: 'doubted' | 'banned'
      readonly units: readonly ReopenedUnit[]
      /** What each agreeing result of them had earned. */
      readonly microCredits: number
      readonly at: number
    }
  /** What each agreeing result of a unit of this job is worth, from now on and for those settled before. */
  | {
      readonly type: 'job-priced'
      readonly job: JobId
      readonly microCredits: number
      /** How many results each account has been paid for at the price before. */
      readonly paid: readonly (readonly [AccountId, number])[]
      /** The same of each host. */
      readonly hosts: readonly (readonly [HostId, number])[]
    }
  /** Units read from the store again. */
  | { readonly type: 'reduced-anew'; readonly job: JobId; readonly reduced: Reduced }
  | { readonly type: 'host-banned'; readonly host: HostId; readonly cause: BanCause; readonly at: number }
  /** The operator lifts the ban. It begins again as a new host would. */
  | { readonly type: 'host-pardoned'; readonly host: HostId; readonly at: number }
  /** All that it had decided alone is reopened. */
  | { readonly type: 'ban-swept'; readonly host: HostId }
  | {
      readonly type: 'unit-errored'
      readonly job: JobId
      readonly unit: number
      readonly reason: UnitFailure | ReasonCode
      /** Of an inconclusive unit: how its results lie around the leading one. Not stored. */
      readonly votes?: readonly Vote[]
      readonly at: number
    }
