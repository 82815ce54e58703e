import { SLICE_MAX_MS } from './slices.ts'
import { FUEL_GROWTH, FUEL_MAX, FUEL_START } from './wgsl/fuel.ts'

/** The fuel of a job's loops on this device. Grown when a loop needs more and its dispatches stay short; never shrunk. */
export class FuelLimit {
  #steps: number = FUEL_START

  get steps(): number {
    return this.#steps
  }

  /** Whether a unit that ran out of `used` steps may try again. `longestMs`: its longest dispatch. */
  raise(used: number, longestMs: number): boolean {
    if (used < this.#steps) return true
    if (longestMs >= SLICE_MAX_MS || this.#steps >= FUEL_MAX) return false
    this.#steps = Math.min(FUEL_MAX, this.#steps * FUEL_GROWTH)
    return true
  }
}
