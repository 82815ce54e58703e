/** What the coordinator knows. */
import type { AccountId, AuthorId, ContentHash, HostDescription, HostId, JobId } from '@peercompute/job-specs'
import type { CustomComparison } from './agreement.ts'
import { Deadlines } from './deadlines.ts'
import { emptyFleetTrust, type FleetTrust } from './fleet-trust.ts'
import type { HeldLease } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { ReadyJobs } from './ready-jobs.ts'
import { Runtimes } from './runtimes.ts'

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
  /** It can go on from a saved state, and keeps its own. In memory only. */
  resumes: boolean
}

/** Sums that are asked for often. */
export interface Totals {
  connected: number
  /** Connected hosts that hold units. */
  computing: number
  validatedUnits: number
}

/** From `ready` on: what follows from the rest, kept up to date so that nothing has to be searched. */
export interface CoordinatorState {
  readonly jobs: Map<JobId, JobEntry>
  readonly hosts: Map<HostId, HostEntry>
  /** Credit of each account in millionths. */
  readonly credit: Map<AccountId, number>
  /** The part of it that a ledger told of after a database was lost: no settled unit that is held stands behind it. */
  readonly carried: Map<AccountId, number>
  turns: number
  readonly ready: ReadyJobs
  readonly deadlines: Deadlines
  /** Leases of each host that are not over, oldest first. */
  readonly leasesOf: Map<HostId, Set<HeldLease>>
  /** Jobs that have handed out everything and wait for what is under way. */
  readonly tails: Set<JobId>
  /** Open jobs of each author, and how many units they have in all. */
  readonly open: Map<AuthorId, { jobs: number; units: number }>
  /** Jobs that wait for a blob. */
  readonly awaited: Map<ContentHash, Set<JobId>>
  readonly runtimes: Runtimes
  /** When an executor (`host/executor`) last reported, coordinator's clock. In memory only. */
  readonly heardAt: Map<string, number>
  readonly totals: Totals
  /** Connected hosts of each subnet. */
  readonly subnets: Map<string, number>
  /** The turn in which a host last gave units back. In memory only. */
  readonly gaveBack: Map<HostId, number>
  readonly trust: FleetTrust
  /** Bytes of the saved states that are kept, of each host that saved them. */
  readonly savedBytes: Map<HostId, number>
  /** A port: runs comparators that jobs bring themselves. */
  readonly custom: CustomComparison
}

/** Without the port, jobs that bring a comparator are refused when they are submitted. */
export function emptyState(custom: CustomComparison = noCustom): CoordinatorState {
  return {
    jobs: new Map(),
    hosts: new Map(),
    credit: new Map(),
    carried: new Map(),
    turns: 0,
    ready: new ReadyJobs(),
    deadlines: new Deadlines(),
    leasesOf: new Map(),
    tails: new Set(),
    open: new Map(),
    awaited: new Map(),
    runtimes: new Runtimes(),
    heardAt: new Map(),
    totals: { connected: 0, computing: 0, validatedUnits: 0 },
    subnets: new Map(),
    gaveBack: new Map(),
    trust: emptyFleetTrust(),
    savedBytes: new Map(),
    custom
  }
}

const noCustom: CustomComparison = () => {
  throw new Error('no cage was given to this coordinator for comparators of jobs')
}
