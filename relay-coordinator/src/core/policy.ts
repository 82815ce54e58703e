/** What the operator allows. It changes while a coordinator runs: a full disk stops the leasing, nothing else. */
export interface CorePolicy {
  /** False: no new leases, because their results could not be kept. Reports and renewals go on. */
  readonly leasing: boolean
  /** Jobs of one author that may be open at the same time. */
  readonly openJobsPerAuthor: number
  /** Units that the open jobs of one author may have in all. */
  readonly openUnitsPerAuthor: number
  /** Largest part of a job under independence `subnet`, in (0, 1], that one subnet may have while there are others; 1: all of it. */
  readonly subnetShare: number
}

export const DEFAULT_POLICY: CorePolicy = { leasing: true, openJobsPerAuthor: 1_000, openUnitsPerAuthor: 1e13, subnetShare: 0.2 }
