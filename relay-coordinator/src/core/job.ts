/**
 * A job in the coordinator's memory. Jobs are lazy: a unit has an entry only while it is in flight; before the cursor's reach it is
 * just a number, afterwards it is part of a range of settled (or errored) units.
 */
import type {
  AccountId,
  AuthorId,
  ContentHash,
  ExecutorKind,
  HostId,
  JobId,
  JobState,
  ReasonCode,
  Reduced,
  SignedSpec,
  UnitFailure
} from '@peercompute/job-specs'
import type { Judging } from './acceptance.ts'
import type { Demand } from './demand.ts'
import type { HeldLease } from './held-lease.ts'
import type { RangeSet } from './range-set.ts'
import type { SortedList } from './sorted-list.ts'
import type { SubnetShares } from './subnet-shares.ts'
import type { UnitInFlight } from './unit.ts'
import type { UnitCheckpoint } from './unit-checkpoint.ts'
import type { WantQueue } from './want-queue.ts'

export interface Share {
  readonly author: AuthorId
  clock: number
  readonly queues: Set<JobQueue>
}

/** One researcher's jobs in one lane. */
export interface JobQueue {
  readonly lane: Lane
  readonly share: Share
  readonly jobs: SortedList<JobEntry>
}

/** Jobs with the same demand; or those that only this host may go on with, because their trial has no free seat. */
export interface Lane {
  readonly key: string
  readonly kind: ExecutorKind
  readonly demand: Demand | null
  readonly queues: SortedList<JobQueue>
  readonly byAuthor: Map<AuthorId, JobQueue>
}

export interface Place {
  readonly signature: string
  readonly queues: readonly JobQueue[]
}

/** Failures since the job began or was resumed, while it has not had a single success. */
export interface Trouble {
  failures: number
  /** Up to as many as matter. */
  readonly hosts: Set<HostId>
}

export interface Pricing {
  /** Operations of each settled unit: the median over its validated hosts of seconds × measured operations per second. */
  readonly operations: number[]
  /** Results that each account, and each host, has been paid for. */
  readonly paid: Map<AccountId, number>
  readonly hosts: Map<HostId, number>
}

export interface JobEntry {
  readonly id: JobId
  readonly signed: SignedSpec
  readonly custodial: boolean
  readonly submittedAt: number
  state: JobState
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
  /** Epochs of the leases that are over and remembered, oldest first. */
  readonly overLeases: Set<number>
  /** Leases that are neither over nor straggling, oldest first. */
  readonly running: Set<HeldLease>
  /** Hosts with running leases, and how many. */
  readonly seats: Map<HostId, number>
  /** Units that want another execution. */
  readonly wanting: WantQueue
  /** Units without a result that somebody computes, and units with results that are not settled. */
  inProgress: number
  validating: number
  readonly settled: RangeSet
  readonly errored: RangeSet
  /** Those of the settled units whose values were lost with an earlier store. */
  readonly notHeld: RangeSet
  /** Successful executions behind the settled units, rejected ones included. */
  executions: number
  /** Those of them that agreed and are paid for: credit from this job is this many times its price. */
  agreeing: number
  reduced: Reduced
  /** `reduced` lacks units settled before: they are being read from the store and folded in again. */
  reduceAnew: boolean
  firstSettledAt: number | null
  endedAt: number | null
  /** Ended so long ago that the ledger no longer tells of it. */
  retired: boolean
  /** Hosts that had a part in settled units; stops growing at two, which is all that is asked. */
  readonly settlers: Set<HostId>
  readonly failures: Map<UnitFailure | ReasonCode, { units: number; message: string; host: string }>
  /** Failures in a row of (host, executor) at this job that the host cannot help: key `host/executor`. */
  readonly unable: Map<string, number>
  /** Hosts on which it did not compile, by device class, of classes on which it never ran. */
  readonly uncompiled: Map<string, Set<HostId>>
  /** Null once it has had a success. */
  trouble: Trouble | null
  /** Hosts whose graphics device was lost in it since it was last set to run. In memory only. */
  readonly devicesLost: Set<HostId>
  /** Saved states of units in flight. */
  readonly checkpoints: Map<number, UnitCheckpoint>
  readonly shares: SubnetShares
  /** Without a draw, which comes with a report. */
  readonly judging: Judging
  /** Millionths of a credit for each agreeing result of a unit. */
  unitMicroCredits: number
  /** Until the price is fixed: what the settled units took, and how many each account has been paid for. Null afterwards. */
  pricing: Pricing | null
  /** Serial number of the last lease given from this job, for taking turns between jobs. */
  lastTurn: number
  /** Where it stands among the jobs that have work; null when it has none. */
  place: Place | null
}
