/** How much there is altogether, kept up to date instead of counted at each request. */
import type { Coordinator } from '../coordinator.ts'

export interface Totals {
  readonly jobs: number
  readonly validatedUnits: number
  close(): void
}

const PAGE_JOBS = 200

export function createTotals(coordinator: Coordinator): Totals {
  let jobs = 0
  let validatedUnits = 0
  let cursor: string | null = null
  do {
    const page: ReturnType<Coordinator['jobs']> = coordinator.jobs({ limit: PAGE_JOBS, ...(cursor === null ? {} : { cursor }) })
    jobs += page.items.length
    for (const job of page.items) validatedUnits += job.units.validated
    cursor = page.next
  } while (cursor !== null)
  const unsubscribe = coordinator.onSettlement((settlement) => {
    if (settlement.kind === 'admitted') jobs++
    if (settlement.kind === 'settled') validatedUnits += settlement.digests.length
  })
  return {
    get jobs() {
      return jobs
    },
    get validatedUnits() {
      return validatedUnits
    },
    close: unsubscribe
  }
}
