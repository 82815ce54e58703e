/**
 * What the coordinator knows. Jobs are lazy: a unit has an entry only while it is in flight; before the cursor's reach it is
 * just a number, afterwards it is part of a range of settled (or errored) units.
 */
import type {
  AccountId,
  ContentHash,
  ExecutorKind,
  HostDescription,
  HostId,
  JobId,
  JobState as JobStateName,
  ReasonCode,
  Reduced,
  SignedSpec,
  UnitFailure
} from '@peercompute/job-specs'
import type { RangeSet } from './range-set.ts'

/** Whose opinion a result is, for counting independent ones. */
export interface Holder {
  readonly host: HostId
  readonly account: AccountId
  /** IPv4 /24 or IPv6 /48 that the coordinator saw. */
  readonly subnet: string
  readonly executor: ExecutorKind
}

/** A lease that still has unreported units. `over`: its units may be given to others, a late report is still welcome. */
export interface HeldLease {
  readonly epoch: number
  readonly start: number
  readonly count: number
  readonly holder: Holder
  deadline: number
  over: boolean
  readonly unreported: Set<number>
}

/** One execution of a unit, waiting for enough others that agree. */
export interface PendingResult {
  readonly epoch: number
  readonly holder: Holder
  readonly numericClass: string
  readonly probeVersion: number
  readonly digest: ContentHash
  readonly value: Uint8Array
  readonly computeMs: number
  readonly at: number
}

export interface FailedAttempt {
  readonly epoch: number
  readonly holder: Holder
  readonly reason: UnitFailure
  readonly message: string
}

export interface UnitInFlight {
  readonly results: PendingResult[]
  readonly failures: FailedAttempt[]
  /** Epochs of leases that are not over and have not reported this unit. */
  readonly active: Set<number>
}

export interface JobEntry {
  readonly id: JobId
  readonly signed: SignedSpec
  readonly custodial: boolean
  readonly submittedAt: number
  state: JobStateName
  /** Why it is in this state, when neither its author nor the end of the work brought it there. */
  stateWhy: ReasonCode | null
  /** It waits until its author is approved of. */
  held: boolean
  readonly missingBlobs: Set<ContentHash>
  /** Units from here on have never been leased. */
  cursor: number
  nextEpoch: number
  readonly units: Map<number, UnitInFlight>
  readonly leases: Map<number, HeldLease>
  /** Ranges (by start) in which units want another execution. May hold units that no longer do: checked when taken. */
  readonly wants: Map<number, number>
  readonly settled: RangeSet
  readonly errored: RangeSet
  /** Those of the settled units whose values were lost with an earlier store. */
  readonly notHeld: RangeSet
  /** Successful executions behind the settled units, rejected ones included. */
  executions: number
  reduced: Reduced
  firstSettledAt: number | null
  endedAt: number | null
  /** Ended so long ago that the ledger no longer tells of it. */
  retired: boolean
  /** Hosts that had a part in settled units; stops growing at two, which is all that is asked. */
  readonly settlers: Set<HostId>
  readonly failures: Map<UnitFailure | ReasonCode, { units: number; message: string; host: string }>
  /** Failures in a row of (host, executor) at this job that the host cannot help: key `host/executor`. */
  readonly unable: Map<string, number>
  /** Serial number of the last lease given from this job, for taking turns between jobs. */
  lastTurn: number
}

export interface HostEntry {
  readonly host: HostId
  readonly account: AccountId
  label: string
  description: HostDescription
  subnet: string
  connected: boolean
  lastSeenAt: number
  unitsHeld: number
  validated: number
  rejected: number
  failed: number
  microCredits: number
}

export interface CoordinatorState {
  readonly jobs: Map<JobId, JobEntry>
  readonly hosts: Map<HostId, HostEntry>
  /** Credit of each account in millionths. */
  readonly credit: Map<AccountId, number>
  turns: number
}

export function emptyState(): CoordinatorState {
  return { jobs: new Map(), hosts: new Map(), credit: new Map(), turns: 0 }
}

export function newUnit(): UnitInFlight {
  return { results: [], failures: [], active: new Set() }
}
