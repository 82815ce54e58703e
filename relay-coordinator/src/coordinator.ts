/**
 * The coordinator as its shells see it: HTTP routes, the work protocol and the ledger projection all go through this.
 * Every promise that acknowledges something resolves only after the transaction is on disk.
 * Expected refusals reject with PeerComputeError.
 */
import type {
  AccountId,
  AuthorId,
  ContentHash,
  ExecutorKind,
  HostId,
  HostReputationDetail,
  HostView,
  JobDetail,
  JobId,
  JobSummary,
  JobTrust,
  Lease,
  LiveEvent,
  ReasonCode,
  Report,
  ReportAnswer,
  ReputedHost,
  ResultRow,
  SignedSpec,
  SubmitAnswer,
  UnitReplicas,
  Why
} from '@peercompute/job-specs'
import type { CheckpointName } from './engine/checkpoint-desk.ts'
import type { ConnectedHost, CreditBooks, Reopening, SettledUnit } from './core/index.ts'

export interface WorkAnswer {
  readonly leases: readonly Lease[]
  readonly retryAfterMs: number
  readonly why?: ReasonCode
}

/** `reopened` and `inconclusive`: since the coordinator started. */
export type JobStanding = Pick<JobTrust, 'suspects' | 'reopened' | 'inconclusive'>

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/** What the ledger projection and the live views follow. Delivered after the commit that caused it. */
export type Settlement =
  | { readonly kind: 'admitted'; readonly job: JobId; readonly signed: SignedSpec; readonly custodial: boolean }
  | { readonly kind: 'settled'; readonly job: JobId; readonly start: number; readonly digests: readonly ContentHash[] }
  /** These settled units are no longer believed, as [start, count]. A job that had ended goes on, until it ends again. */
  | { readonly kind: 'reopened'; readonly job: JobId; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly kind: 'ended'; readonly job: JobId; readonly state: 'completed' | 'failed' | 'cancelled'; readonly settled: number }
  /** The account's total, and for which jobs it has changed. */
  | { readonly kind: 'credit'; readonly account: AccountId; readonly microCredits: number; readonly jobs: readonly JobId[] }
  /** Others were faster with all that was left of this lease: its host can stop computing it. */
  | { readonly kind: 'overtaken'; readonly job: JobId; readonly epoch: number; readonly host: HostId }

/** What a ledger says of a job. `settled` may overlap. */
export interface RememberedJob {
  readonly signed: SignedSpec
  readonly custodial: boolean
  readonly settled: readonly { readonly start: number; readonly count: number }[]
  /** How it ended; null while it went on. */
  readonly ended: 'completed' | 'failed' | 'cancelled' | null
}

export interface Coordinator {
  /** Same signed spec twice: the same id, `created: false`. The signature has been checked by the caller. `held`: it waits for `approve`. */
  submit(signed: SignedSpec, custodial: boolean, held?: boolean): Promise<SubmitAnswer>
  /** Lets the held jobs of a researcher begin. */
  approve(author: AuthorId): Promise<readonly JobId[]>
  /** Takes over what a ledger remembers of a job; settled units need not be computed again. Idempotent. `units`: those that were new. */
  restore(job: RememberedJob): Promise<{ readonly missingBlobs: readonly ContentHash[]; readonly units: number }>
  /** Totals in millionths, into a store that has lost them: a higher one that is known already stays. */
  restoreCredit(credit: ReadonlyMap<AccountId, number>): Promise<void>
  /** The ledger no longer tells of these ended jobs. */
  retire(jobs: readonly JobId[]): Promise<void>
  /** A blob that jobs may be waiting for has arrived. */
  blobArrived(sha256: ContentHash): Promise<void>
  /** `why`: when it is not the author who wants it. */
  cancel(job: JobId, why?: ReasonCode): Promise<void>
  pause(job: JobId, why?: ReasonCode): Promise<void>
  resume(job: JobId): Promise<void>

  hostConnected(host: ConnectedHost): Promise<void>
  /** Its leases go back at once. */
  hostDisconnected(host: HostId): Promise<void>
  /** `knownJobs`: those of which the host holds specification and blobs. */
  ask(host: HostId, request: { executor: ExecutorKind; units: number; seconds: number; knownJobs?: readonly JobId[] }): Promise<WorkAnswer>
  /** The signature has been checked by the caller. `values` are the successful units' bytes, concatenated in order. */
  report(report: Report, values: Uint8Array): Promise<readonly { unit: number; answer: ReportAnswer }[]>
  renew(
    host: HostId,
    leases: readonly { job: JobId; epoch: number }[]
  ): Promise<readonly { job: JobId; epoch: number; durationMs: number }[]>
  release(host: HostId, job: JobId, epoch: number): Promise<void>
  /** Whether saved states are kept here at all. */
  readonly keepsCheckpoints: boolean
  /** A saved state of a unit that the host holds; whether it is kept. Rejects with BLOB_MISMATCH when the bytes are others. */
  checkpoint(host: HostId, name: CheckpointName, state: Uint8Array): Promise<boolean>

  /** What was taken back and the ledger has not been told, oldest first. */
  reopenings(): readonly Reopening[]
  /** Those with a number ≤ `upTo` have been told. On disk when it returns. */
  reopeningsTold(upTo: number): void
  /** Ended jobs of which the ledger no longer tells. */
  retired(): ReadonlySet<JobId>
  /** Settled units as [start, count], in order; some may be decided and not on disk yet. None for an unknown job. */
  settledRanges(job: JobId): readonly (readonly [number, number])[]
  /** Whether all of units start … start + count − 1 are settled with values that are held here. */
  holdsValues(job: JobId, range: { readonly start: number; readonly count: number }): boolean
  /** Digests of units start … start + count − 1, in order; null when not all of them are settled with values that are held here. */
  settledDigests(job: JobId, range: { readonly start: number; readonly count: number }): readonly ContentHash[] | null
  /** Settled units as the store has them, with number ≥ `from`, in order. */
  settledUnits(job: JobId, from: number, limit: number): readonly SettledUnit[]
  /** Millionths of a credit for each agreeing result of a unit. */
  unitMicroCredits(job: JobId): number
  signedSpec(job: JobId): SignedSpec | undefined
  /** Newest first. `cursor` is what the previous page returned as `next`. */
  jobs(options: { limit: number; cursor?: string }): Page<JobSummary>
  job(job: JobId): JobDetail
  why(job: JobId, unit?: number): Why
  whyHost(host: HostId): Why
  /** What the state knows of a job's trust; what is counted over its units is not part of it. */
  standing(job: JobId): JobStanding
  /** Results of one unit side by side; of an open unit only how many there are. */
  replicas(job: JobId, unit: number): UnitReplicas
  /** Rejects a key that never was here with NOT_FOUND. */
  reputation(host: HostId): HostReputationDetail
  reputedHosts(): readonly ReputedHost[]
  /** Lifts a ban: the host begins again as a new one. False: it was not banned. */
  pardon(host: HostId): Promise<boolean>
  hosts(): readonly HostView[]
  /** Connected hosts, those of them that hold units, and validated units of all jobs. Costs nothing. */
  fleet(): { readonly hosts: number; readonly computing: number; readonly validatedUnits: number }
  /** Total of each account that has earned any, in millionths. */
  credit(): ReadonlyMap<AccountId, number>
  /** All credit and what stands behind it, of one moment; some may be decided and not on disk yet. */
  creditBooks(): CreditBooks
  /** Settled units in unit order, from `from` on. `next` is the unit to go on with. */
  results(job: JobId, options: { from: number; limit: number }): Promise<{ rows: readonly ResultRow[]; next: number | null }>
  /** Values of settled units inside [start, start + count), each as its unit and raw bytes. */
  values(job: JobId, options: { start: number; count: number }): Promise<readonly { unit: number; value: Uint8Array }[]>

  /** Returns the function that ends the subscription. */
  onLive(listener: (event: LiveEvent) => void): () => void
  onSettlement(listener: (settlement: Settlement) => void): () => void
  /** Commits what is under way and closes the store. Idempotent. */
  close(): Promise<void>
}
