/** A unit between its first lease and its end. */
import type { ContentHash, UnitFailure } from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'

/** Numeric class that no device has: a result with it is compared as with one of another class. */
export const ANOTHER_CLASS = ''

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
  /** The job's verifier has passed it. */
  readonly verified?: true
}

export interface FailedAttempt {
  readonly epoch: number
  readonly holder: Holder
  readonly reason: UnitFailure
  readonly message: string
}

export interface WantGroup {
  readonly key: string
  readonly excluded: readonly string[]
  index: number
  readonly units: UnitInFlight[]
}

/** The lists are never changed, only replaced: units of the same leases share theirs (`sharing`), which is most of what a unit would weigh. */
export interface UnitInFlight {
  readonly number: number
  results: readonly PendingResult[]
  failures: readonly FailedAttempt[]
  /** Epochs of leases that are not over and have not reported this unit. */
  active: readonly number[]
  /** Those that straggle: they still count as opinions, no longer as help. */
  slow: readonly number[]
  /** As the job's counters have it. */
  stage: 'waiting' | 'inProgress' | 'validating'
  /** Where it waits for another execution; null when it wants none. */
  group: WantGroup | null
  /** Its place in the group. */
  slot: number
}
