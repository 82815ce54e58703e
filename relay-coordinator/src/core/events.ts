/** Everything that can change the state. An event holds all that its row in the store needs. */
import type {
  AccountId,
  ContentHash,
  HostDescription,
  HostId,
  JobId,
  JobState,
  ReasonCode,
  SignedSpec,
  UnitFailure
} from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'
import type { FailedAttempt, PendingResult } from './unit.ts'

/** A result's part in the settlement of its unit. */
export interface Vote {
  readonly epoch: number
  readonly holder: Holder
  readonly numericClass: string
  readonly verdict: 'canonical' | 'agrees' | 'rejected'
}

/** `overtaken`: others were faster with all that was left of it. */
export type LeaseEnd = 'reported' | 'released' | 'expired' | 'disconnected' | 'job-closed' | 'overtaken'

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
      readonly at: number
    }
  | {
      readonly type: 'unit-errored'
      readonly job: JobId
      readonly unit: number
      readonly reason: UnitFailure | ReasonCode
      readonly at: number
    }
