/** How much more of a job one subnet may be given. */
import type { JobEntry } from './job.ts'

/** Subnets from which on there are others that can do the rest. */
export const SHARED_FROM = 10

/** A change to the part that the subnet has; of jobs of which the subnet does not matter, nothing. */
export function countShare(job: JobEntry, subnet: string, change: number): void {
  if (job.signed.spec.verification.independence === 'subnet') job.shares.count(subnet, change)
}

export interface ShareRule {
  /** Subnets of connected hosts. */
  readonly subnets: number
  /** Largest part of a job, in (0, 1], that one of them may have. */
  readonly subnetShare: number
}

/**
 * Units that this subnet may still be given. As long as fewer than SHARED_FROM are connected, or have a part in the job, as many as there
 * are: what only few can run must not wait for those who cannot.
 */
export function shareLeft({ signed, shares }: JobEntry, subnet: string, { subnets, subnetShare }: ShareRule): number {
  if (signed.spec.verification.independence !== 'subnet' || subnetShare >= 1) return Infinity
  if (subnets < SHARED_FROM || shares.size < SHARED_FROM) return Infinity
  // The largest n with own + n <= share · (total + n).
  return Math.max(0, Math.floor((subnetShare * shares.total - shares.of(subnet)) / (1 - subnetShare)))
}
