/**
 * The store port. `commit` is one durable transaction: when it returns, the events are on disk; when it throws, none of them is.
 * A store keeps rows, not the event log: what a later start needs (`load`), what readers ask for, and the audit log of
 * admissions, settlements and credit.
 */
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
import type { CoordinatorEvent, Vote } from './events.ts'
import type { Ban } from './fleet-trust.ts'
import type { Holder } from './held-lease.ts'
import type { ReputationRow } from './reputation.ts'
import type { CoordinatorState } from './state.ts'
import type { FailedAttempt, PendingResult } from './unit.ts'

export interface JobRow {
  readonly id: JobId
  readonly signed: SignedSpec
  readonly custodial: boolean
  readonly submittedAt: number
  readonly state: JobState
  readonly stateWhy: ReasonCode | null
  readonly held: boolean
  readonly missingBlobs: readonly ContentHash[]
  readonly cursor: number
  readonly nextEpoch: number
  readonly executions: number
  readonly agreeing: number
  readonly reduced: Reduced
  readonly reduceAnew: boolean
  readonly firstSettledAt: number | null
  readonly endedAt: number | null
  readonly retired: boolean
  readonly settlers: readonly HostId[]
  readonly failures: readonly (readonly [UnitFailure | ReasonCode, { units: number; message: string; host: string }])[]
  readonly unitMicroCredits: number
  readonly pricing: {
    readonly operations: readonly number[]
    readonly paid: readonly (readonly [AccountId, number])[]
    readonly hosts: readonly (readonly [HostId, number])[]
  } | null
}

export interface LeaseRow {
  readonly job: JobId
  readonly epoch: number
  readonly start: number
  readonly count: number
  readonly holder: Holder
  readonly deadline: number
  readonly over: boolean
}

export interface HostRow {
  readonly host: HostId
  readonly account: AccountId
  readonly label: string
  readonly description: HostDescription
  readonly subnet: string
  readonly lastSeenAt: number
  readonly validated: number
  readonly rejected: number
  readonly failed: number
  readonly microCredits: number
}

/** Everything that a start needs. */
export interface StoredRows {
  readonly jobs: readonly JobRow[]
  readonly leases: readonly LeaseRow[]
  readonly results: readonly { readonly job: JobId; readonly unit: number; readonly result: PendingResult }[]
  readonly failures: readonly { readonly job: JobId; readonly unit: number; readonly attempt: FailedAttempt }[]
  readonly checkpoints: readonly { readonly job: JobId; readonly unit: number; readonly checkpoint: UnitCheckpoint }[]
  /** Ranges of settled units, of those settled without a value that is held, and of errored units. */
  readonly settled: readonly { readonly job: JobId; readonly start: number; readonly count: number }[]
  readonly notHeld: readonly { readonly job: JobId; readonly start: number; readonly count: number }[]
  readonly errored: readonly { readonly job: JobId; readonly start: number; readonly count: number }[]
  readonly hosts: readonly HostRow[]
  /** Of each account, its credit, and how much of it was carried over from a ledger. */
  readonly credit: readonly (readonly [AccountId, number, number])[]
  readonly reputations: readonly ReputationRow[]
  readonly bans: readonly Ban[]
}

export type { ReputationRow } from './reputation.ts'
import type { UnitCheckpoint } from './unit-checkpoint.ts'

export interface SettledUnit {
  readonly unit: number
  readonly digest: ContentHash
  readonly value: Uint8Array
  readonly votes: readonly Vote[]
  readonly errorProbability: number
  readonly settledAt: number
}

export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number
  readonly at: number
  readonly kind: string
  readonly body: unknown
  /** SHA-256 over the hash before and this entry. Null in entries of before there were hashes. */
  readonly hash: string | null
}

/** What must be provable: admissions, settlements, revocations, credit, approvals, tokens. */
export interface AuditPort {
  /** On disk when it returns. */
  audit(kind: string, body: unknown, at: number): void
  /** Entries with number ≥ `from`, in order. */
  auditEntries(from: number, limit: number): readonly AuditEntry[]
}

/** Settled units that were taken back together. */
export interface Reopening {
  /** Rising. */
  readonly no: number
  readonly job: JobId
  /** As [start, count], in order. */
  readonly ranges: readonly (readonly [number, number])[]
}

export interface CoordinatorStore {
  load(): StoredRows
  /** `state` is the state after the events. Throws STORE_FULL when the disk is full; then none of them is on disk. */
  commit(events: readonly CoordinatorEvent[], state: CoordinatorState): void
  /** Settled units with number ≥ `from`, in order. Throws STORE_DAMAGED with the file that cannot be read. */
  settledUnits(job: JobId, from: number, limit: number): readonly SettledUnit[]
  /** Digests of settled units whose values are held, in unit order, with number ≥ `from` and < `to`. */
  settledDigests(job: JobId, from: number, to: number): readonly { readonly unit: number; readonly digest: ContentHash }[]
  /** Of which the ledger has not been told, oldest first. */
  reopenings(): readonly Reopening[]
  /** Those with a number ≤ `upTo` have been told. */
  reopeningsTold(upTo: number): void
  close(): void
}
