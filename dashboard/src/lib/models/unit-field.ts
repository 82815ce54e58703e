/** What is known of a job's units, in the form in which it is drawn. Large, so it is changed in place. */
import type { JobSpec } from '@peercompute/job-specs'
import { pictureLayout, type Layout } from './picture/layout.ts'
import { thin } from './picture/render.ts'
import { CELL } from './unit-map.ts'
import { least, outputFromBytes, total, viewOutput } from './unit-values.ts'

export class UnitField {
  /** Null when there are more units than can be shown one by one; then nothing is kept. */
  readonly layout: Layout | null
  readonly verified = new Map<number, Float64Array>()
  /** Found on this computer, not confirmed yet. */
  readonly provisional = new Map<number, Float64Array>()
  /** Units with an answer of this computer. */
  readonly own = new Set<number>()
  /** `CELL` values by unit. */
  readonly states: Uint8Array
  readonly #spec: JobSpec

  constructor(spec: JobSpec) {
    this.#spec = spec
    this.layout = pictureLayout(spec)
    this.states = new Uint8Array(this.layout?.units ?? 0)
  }

  /** A settled unit's value, as the coordinator gives it. */
  settle(unit: number, bytes: Uint8Array): void {
    if (unit >= this.states.length) return
    const value = this.#drawn(bytes)
    if (value !== null) this.verified.set(unit, value)
    this.provisional.delete(unit)
    this.states[unit] = CELL.validated
  }

  /** A value that this computer found. */
  propose(unit: number, bytes: Uint8Array): void {
    if (unit >= this.states.length) return
    this.own.add(unit)
    if (this.states[unit] === CELL.validated) return
    this.states[unit] = CELL.provisional
    const value = this.#drawn(bytes)
    if (value !== null) this.provisional.set(unit, value)
  }

  /** First unit of [start, end) that is not known to be settled; `end` when all are. */
  nextOpen(start: number, end: number): number {
    let unit = start
    while (unit < end && this.states[unit] === CELL.validated) unit += 1
    return unit
  }

  /** What the picture keeps of a value: a thinned tile, the minimum, or the total. */
  #drawn(bytes: Uint8Array): Float64Array | null {
    const output = viewOutput(this.#spec)
    const value = output === null ? null : outputFromBytes(this.#spec.outputs, output.name, bytes)
    if (value === null || this.layout === null) return null
    if (this.layout.kind === 'image') return thin(value, output?.shape.at(-1) ?? 1, this.layout.stride)
    return Float64Array.of(this.layout.kind === 'surface' ? least(value) : total(value))
  }
}
