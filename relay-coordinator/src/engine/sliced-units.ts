/** All settled units of a job in order, as many at a time as the store reads in a few milliseconds. */
import type { JobId } from '@peercompute/job-specs'
import type { CoordinatorStore, SettledUnit } from '../core/index.ts'

/** Of one slice, reading and what follows: hosts wait meanwhile. */
const SLICE_MS = 2
const SLICE_UNITS_MAX = 128

export class SlicedUnits {
  readonly #store: Pick<CoordinatorStore, 'settledUnits'>
  readonly #job: JobId
  #from = 0
  #limit = 16

  constructor(store: Pick<CoordinatorStore, 'settledUnits'>, job: JobId) {
    this.#store = store
    this.#job = job
  }

  /** The next of them, at least one; null at the end. Throws STORE_DAMAGED. */
  next(): readonly SettledUnit[] | null {
    const begin = performance.now()
    const units = this.#store.settledUnits(this.#job, this.#from, this.#limit)
    const last = units.at(-1)
    if (last === undefined) return null
    this.#from = last.unit + 1
    this.#limit = performance.now() - begin > SLICE_MS ? Math.max(1, this.#limit >> 1) : Math.min(SLICE_UNITS_MAX, this.#limit * 2)
    return units
  }
}
