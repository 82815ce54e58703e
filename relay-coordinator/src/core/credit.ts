/** Credit: for settled units only, by the work that they take, never by the time that a host claims. */
import type { AccountId, JobId } from '@peercompute/job-specs'
import type { CoordinatorState } from './state.ts'

/** One credit = 4.32 × 10¹¹ operations: 200 credits are a day of one GFLOP/s (BOINC's cobblestone). */
export const OPERATIONS_PER_CREDIT = 4.32e11

/** Millionths of a credit for one valid result of a unit; at least 1. */
export function unitMicroCredits(unitOperations: number): number {
  return Math.max(1, Math.round((unitOperations / OPERATIONS_PER_CREDIT) * 1e6))
}

/** Σ accounts = Σ carried + Σ jobs (results × price), always. In millionths. */
export interface CreditBooks {
  readonly accounts: ReadonlyMap<AccountId, number>
  /** Of the accounts, what a ledger told of after a database was lost. */
  readonly carried: ReadonlyMap<AccountId, number>
  /** Jobs with paid results. */
  readonly jobs: readonly { readonly job: JobId; readonly unitMicroCredits: number; readonly results: number }[]
}

export function creditBooks({ credit, carried, jobs }: Pick<CoordinatorState, 'credit' | 'carried' | 'jobs'>): CreditBooks {
  const paid: { job: JobId; unitMicroCredits: number; results: number }[] = []
  for (const { id, unitMicroCredits, agreeing } of jobs.values())
    if (agreeing > 0) paid.push({ job: id, unitMicroCredits, results: agreeing })
  return { accounts: new Map(credit), carried: new Map(carried), jobs: paid }
}
