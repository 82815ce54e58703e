/** One job: its description and state, and the values of its settled units as they come. */
import { PeerComputeError, unitValueBytes, type JobDetail, type JobSpec } from '@peercompute/job-specs'
import { pictureLayout, type Layout } from '../models/picture/layout.ts'
import { thin } from '../models/picture/render.ts'
import { CELL } from '../models/unit-map.ts'
import { least, outputFromBytes, total, viewOutput } from '../models/unit-values.ts'
import type { UnitNews } from '../models/volunteer.ts'
import { throttled } from '../services/throttle.ts'
import { live } from './live.svelte.ts'
import { Loadable, troubleOf, type Trouble } from './loadable.svelte.ts'
import { volunteer } from './volunteer.svelte.ts'

/** The description (why, failures, hosts) is read again this long after a change at the earliest. */
const DETAIL_EVERY_MS = 2_000
/** Values asked for in one request: small enough to draw several times a second on a slow line. */
const REQUEST_BYTES = 1_048_576
const DRAW_EVERY_MS = 250

export class JobView {
  readonly id: string
  readonly detail: Loadable<JobDetail>
  readonly layout = $derived.by<Layout | null>(() => (this.#spec === null ? null : pictureLayout(this.#spec)))
  /** Moves whenever `values` or `states` changed. They are large, so they are changed in place. */
  version = $state(0)
  loadingValues = $state(true)
  valuesTrouble = $state.raw<Trouble | null>(null)
  readonly values = { verified: new Map<number, Float64Array>(), provisional: new Map<number, Float64Array>() }
  readonly own = new Set<number>()
  states = new Uint8Array(0)
  #spec = $state.raw<JobSpec | null>(null)
  readonly #ended = new AbortController()
  readonly #ranges: { start: number; count: number }[] = []
  #reading = false
  readonly #changed = throttled(DRAW_EVERY_MS, () => { this.version += 1 })
  #detailTimer: ReturnType<typeof setTimeout> | undefined

  constructor(id: string) {
    this.id = id
    this.detail = new Loadable<JobDetail>(async (signal) => {
      const { getJob } = await import('../services/api.ts')
      return getJob(id, signal)
    })
  }

  /** Returns the function that ends it. */
  follow(): () => void {
    void this.#begin()
    const leave = [
      live.on((change) => {
        if (change.event === 'resync') void this.#begin()
        if (change.event === 'job' && change.data.id === this.id) this.#summaryChanged(change.data)
        if (change.event === 'units' && change.data.job === this.id) this.#settled(change.data.ranges)
      }),
      volunteer.onUnit((news) => { this.#ownUnit(news) })
    ]
    return () => {
      for (const stop of leave) stop()
      clearTimeout(this.#detailTimer)
      this.#ended.abort()
    }
  }

  async #begin(): Promise<void> {
    await this.detail.load(this.#ended.signal)
    const spec = this.detail.value?.spec
    if (spec === undefined) return
    if (this.#spec === null) {
      this.states = new Uint8Array(pictureLayout(spec)?.units ?? 0)
      this.#spec = spec
    }
    if (this.layout !== null) this.#settled([[0, this.layout.units]])
    else this.loadingValues = false
  }

  #summaryChanged(summary: Omit<JobDetail, 'spec' | 'why' | 'hosts' | 'failures'>): void {
    const known = this.detail.value
    if (known !== null) this.detail.set({ ...known, ...summary })
    this.#detailTimer ??= setTimeout(() => {
      this.#detailTimer = undefined
      void this.detail.load(this.#ended.signal)
    }, DETAIL_EVERY_MS)
  }

  #settled(ranges: readonly (readonly [number, number])[]): void {
    for (const [start, count] of ranges) {
      const last = this.#ranges.at(-1)
      if (last !== undefined && last.start + last.count === start) last.count += count
      else this.#ranges.push({ start, count })
    }
    if (this.#reading) return
    this.#reading = true
    void this.#readRanges().finally(() => { this.#reading = false })
  }

  async #readRanges(): Promise<void> {
    const { getValues, VALUE_UNITS_MAX } = await import('../services/api.ts')
    const { signal } = this.#ended
    const perRequest = Math.max(1, Math.min(VALUE_UNITS_MAX, Math.floor(REQUEST_BYTES / unitValueBytes(this.#spec?.outputs ?? []))))
    for (let range = this.#ranges.shift(); range !== undefined; range = this.#ranges.shift()) {
      const end = range.start + range.count
      try {
        for (let from = this.#nextUnknown(range.start, end); from < end; from = this.#nextUnknown(from + perRequest, end)) {
          for (const { unit, value } of await getValues(this.id, from, Math.min(perRequest, end - from), signal)) this.#take(unit, value)
          this.#changed()
        }
        this.valuesTrouble = null
      } catch (error) {
        if (signal.aborted) return
        this.valuesTrouble = troubleOf(error)
        if (error instanceof PeerComputeError && error.code === 'COORDINATOR_UNREACHABLE') break
      }
    }
    this.loadingValues = false
  }

  /** First unit of [start, end) whose value is not here yet. */
  #nextUnknown(start: number, end: number): number {
    let unit = start
    while (unit < end && this.states[unit] === CELL.validated) unit += 1
    return unit
  }

  #take(unit: number, bytes: Uint8Array): void {
    if (this.#spec === null || unit >= this.states.length) return
    const value = this.#drawn(bytes)
    if (value !== null) this.values.verified.set(unit, value)
    this.values.provisional.delete(unit)
    this.states[unit] = CELL.validated
  }

  #ownUnit(news: UnitNews): void {
    if (news.job !== this.id || this.#spec === null || news.unit >= this.states.length) return
    const value = news.value === null ? null : this.#drawn(news.value)
    if (value === null) return
    this.own.add(news.unit)
    if (this.states[news.unit] === CELL.waiting) this.states[news.unit] = CELL.provisional
    if (!this.values.verified.has(news.unit)) this.values.provisional.set(news.unit, value)
    this.#changed()
  }

  /** What the picture keeps of a unit's bytes: a thinned tile, the minimum, or the total. */
  #drawn(bytes: Uint8Array): Float64Array | null {
    if (this.#spec === null) return null
    const output = viewOutput(this.#spec)
    const value = output === null ? null : outputFromBytes(this.#spec.outputs, output.name, bytes)
    if (value === null || this.layout?.kind === 'surface') return value === null ? null : Float64Array.of(least(value))
    if (this.layout?.kind === 'image') return thin(value, output?.shape.at(-1) ?? 1, this.layout.stride)
    return Float64Array.of(total(value))
  }
}
