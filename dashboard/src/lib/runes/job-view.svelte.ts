/** One job: its description and state, and the values of its settled units as they come. */
import { unitValueBytes, type JobDetail, type JobSummary } from '@peercompute/job-specs'
import { UnitField } from '../models/unit-field.ts'
import type { UnitNews } from '../models/volunteer.ts'
import { backoffMs, restFor } from '../services/backoff.ts'
import { isPassing, RETRY } from '../services/reading.ts'
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
  /** Null until the specification is here. */
  field = $state.raw<UnitField | null>(null)
  /** Moves whenever the field changed: it is changed in place. */
  version = $state(0)
  loadingValues = $state(true)
  valuesTrouble = $state.raw<Trouble | null>(null)
  ownCount = $state(0)
  readonly #ended = new AbortController()
  readonly #ranges: { start: number; count: number }[] = []
  #reading = false
  readonly #changed = throttled(DRAW_EVERY_MS, () => {
    this.version += 1
    this.ownCount = this.field?.own.size ?? 0
  })
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
      volunteer.onUnit((news) => {
        this.#ownUnit(news)
      })
    ]
    return () => {
      for (const stop of leave) stop()
      clearTimeout(this.#detailTimer)
      this.#ended.abort()
    }
  }

  async #begin(): Promise<void> {
    await this.detail.load(this.#ended.signal)
    const detail = this.detail.value
    if (detail === null) return
    this.field ??= new UnitField(detail.spec)
    const { layout } = this.field
    if (layout !== null) this.#settled(detail.settledWithin.filter(([start]) => start < layout.units))
    else this.loadingValues = false
  }

  #summaryChanged(summary: JobSummary): void {
    this.detail.change((known) => ({ ...known, ...summary }))
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
    void this.#readRanges().finally(() => {
      this.#reading = false
    })
  }

  async #readRanges(): Promise<void> {
    const { getValues, VALUE_UNITS_MAX } = await import('../services/api.ts')
    const { signal } = this.#ended
    const { field } = this
    const outputs = this.detail.value?.spec.outputs
    if (field === null || outputs === undefined) return
    const perRequest = Math.max(1, Math.min(VALUE_UNITS_MAX, Math.floor(REQUEST_BYTES / unitValueBytes(outputs))))
    let failures = 0
    for (let range = this.#ranges.shift(); range !== undefined; range = this.#ranges.shift()) {
      const end = Math.min(range.start + range.count, field.layout?.units ?? 0)
      try {
        for (let from = field.nextOpen(range.start, end); from < end; from = field.nextOpen(from + perRequest, end)) {
          for (const { unit, value } of await getValues(this.id, from, Math.min(perRequest, end - from), signal)) field.settle(unit, value)
          this.#changed()
        }
        this.valuesTrouble = null
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        this.valuesTrouble = troubleOf(error)
        this.loadingValues = false
        if (!isPassing(error)) continue
        this.#ranges.unshift(range)
        await restFor(backoffMs(failures++, RETRY, Math.random), signal)
        if (signal.aborted) return
      }
    }
    this.loadingValues = false
  }

  #ownUnit(news: UnitNews): void {
    if (news.job !== this.id || this.field === null || news.value === null) return
    this.field.propose(news.unit, news.value)
    this.#changed()
  }
}
