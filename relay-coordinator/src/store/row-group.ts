/** What the events of one transaction add up to. */
import type { JobId } from '@peercompute/job-specs'
import type { CoordinatorEvent } from '../core/index.ts'

/** What a transaction has done to the settled rows of a job. */
export interface SettledRows {
  readonly job: number
  /** Fewer than 0 when more were taken back than came. */
  units: number
  bytes: number
  /** Whether the job has ended by it; undefined: as before. */
  ended: boolean | undefined
  reopened: boolean
}

export class RowGroup {
  readonly #closed = new Map<JobId, Set<number>>()
  readonly #rows = new Map<number, SettledRows>()

  constructor(events: readonly CoordinatorEvent[]) {
    for (const event of events) {
      if (event.type === 'settled' || event.type === 'unit-errored') this.#unitsOf(event.job).add(event.unit)
      else if (event.type === 'units-reopened') for (const { unit } of event.units) this.#unitsOf(event.job).delete(unit)
    }
  }

  /** Whether the unit is settled or given up when the transaction ends, so that its results need no rows. */
  closes(job: JobId, unit: number): boolean {
    return this.#closed.get(job)?.has(unit) === true
  }

  settled(job: number, bytes: number): void {
    const rows = this.#of(job)
    rows.units++
    rows.bytes += bytes
  }

  /** `rows`: how many were deleted by it. */
  reopened(job: number, rows: number, bytes: number): void {
    const of = this.#of(job)
    of.units -= rows
    of.bytes -= bytes
    of.reopened = true
  }

  ended(job: number, ended: boolean): void {
    this.#of(job).ended = ended
  }

  settledRows(): readonly SettledRows[] {
    return [...this.#rows.values()]
  }

  #unitsOf(job: JobId): Set<number> {
    const known = this.#closed.get(job) ?? new Set()
    this.#closed.set(job, known)
    return known
  }

  #of(job: number): SettledRows {
    const known = this.#rows.get(job)
    if (known !== undefined) return known
    const rows: SettledRows = { job, units: 0, bytes: 0, ended: undefined, reopened: false }
    this.#rows.set(job, rows)
    return rows
  }
}
