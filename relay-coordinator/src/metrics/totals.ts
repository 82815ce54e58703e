/** How much there is altogether, kept up to date instead of counted at each request. */
import type { Coordinator } from '../coordinator.ts'
import { jobsNewestFirst } from '../ledger/all-jobs.ts'

export interface Totals {
  readonly jobs: number
  readonly validatedUnits: number
  /** After the store has taken over a ledger. */
  recount(): void
  close(): void
}

export function createTotals(coordinator: Coordinator): Totals {
  let jobs = 0
  let validatedUnits = 0
  const count = (): void => {
    jobs = 0
    validatedUnits = 0
    for (const job of jobsNewestFirst(coordinator)) {
      if (!job.held) jobs++
      validatedUnits += job.units.validated
    }
  }
  count()
  const unsubscribe = coordinator.onSettlement((settlement) => {
    if (settlement.kind === 'admitted') jobs++
    if (settlement.kind === 'settled') validatedUnits += settlement.digests.length
    if (settlement.kind === 'reopened') for (const [, count] of settlement.ranges) validatedUnits -= count
  })
  return {
    get jobs() {
      return jobs
    },
    get validatedUnits() {
      return validatedUnits
    },
    recount: count,
    close: unsubscribe
  }
}
