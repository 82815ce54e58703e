/** Everything that can be asked of the core. Time and randomness come beside the command, never from inside. */
import type {
  AccountId,
  AuthorId,
  ContentHash,
  ExecutorKind,
  HostId,
  JobId,
  ReasonCode,
  Reduced,
  Report,
  SignedSpec,
  Verdict
} from '@peercompute/job-specs'
import type { ConnectedHost } from './connected-host.ts'
import type { Range } from './matching.ts'
import type { SettledUnit } from './store.ts'

export type Command =
  | {
      readonly type: 'submit'
      readonly job: JobId
      readonly signed: SignedSpec
      readonly custodial: boolean
      readonly missingBlobs: readonly ContentHash[]
      /** Its author is new here: the job waits until somebody approves of the author. */
      readonly held: boolean
    }
  /** Lets the held jobs of this author begin. */
  | { readonly type: 'approve'; readonly author: AuthorId }
  /** What a ledger remembers of a job. `settled` may overlap. `ended`: how, null while it went on. */
  | {
      readonly type: 'restore'
      readonly job: JobId
      readonly signed: SignedSpec
      readonly custodial: boolean
      readonly missingBlobs: readonly ContentHash[]
      readonly settled: readonly Range[]
      readonly ended: 'completed' | 'failed' | 'cancelled' | null
    }
  /** Totals in millionths. */
  | { readonly type: 'restore-credit'; readonly credit: ReadonlyMap<AccountId, number> }
  /** These ended jobs are no longer told one by one in the ledger. */
  | { readonly type: 'retire'; readonly jobs: readonly JobId[] }
  | { readonly type: 'blob-arrived'; readonly sha256: ContentHash }
  /** `why`: what is told to those who ask, when it is not the author who wants it. */
  | { readonly type: 'cancel' | 'pause' | 'resume'; readonly job: JobId; readonly why?: ReasonCode }
  | { readonly type: 'connect'; readonly host: ConnectedHost }
  | { readonly type: 'disconnect'; readonly host: HostId }
  | {
      readonly type: 'ask'
      readonly host: HostId
      readonly executor: ExecutorKind
      readonly units: number
      readonly seconds: number
      /** Jobs whose specification and blobs the host holds: preferred among equals. */
      readonly knownJobs?: readonly JobId[]
    }
  /** `verdicts`: what the job's verifier says of each value, for jobs that have one. */
  | {
      readonly type: 'report'
      readonly report: Report
      readonly values: readonly Uint8Array[]
      readonly verdicts?: readonly Verdict[]
    }
  /** Settled units that are no longer believed, as the store has them. */
  | { readonly type: 'reopen'; readonly job: JobId; readonly cause: 'doubted' | 'banned'; readonly units: readonly SettledUnit[] }
  /** `reduced`: over all settled units that the store has. */
  | { readonly type: 'reduce-anew'; readonly job: JobId; readonly reduced: Reduced }
  /** The store has been searched for what this banned host had decided. */
  | { readonly type: 'ban-swept'; readonly host: HostId }
  | { readonly type: 'pardon'; readonly host: HostId }
  | { readonly type: 'renew'; readonly host: HostId; readonly leases: readonly { readonly job: JobId; readonly epoch: number }[] }
  /** The host has saved a state of a unit that it holds, which another may go on from. */
  | {
      readonly type: 'checkpoint'
      readonly host: HostId
      readonly job: JobId
      readonly epoch: number
      readonly unit: number
      readonly sha256: ContentHash
      readonly bytes: number
    }
  | { readonly type: 'release'; readonly host: HostId; readonly job: JobId; readonly epoch: number }
  /** Takes back leases whose deadline has passed. */
  | { readonly type: 'expire' }
