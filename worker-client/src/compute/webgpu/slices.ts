/** Cuts a unit's passes into dispatches of a bounded time, learnt from measurement. Runs inside the sandbox: no imports but types. */
import type { Extent, GpuPass } from './gpu-task.ts'

/** No dispatch is longer by estimate: it cannot be stopped, and where it shares the card with the screen it stalls it. */
export const SLICE_MAX_MS = 100
const SLICE_MIN_MS = 1
/** WebGPU's limit of workgroups in one dimension. */
const GROUPS_MAX = 65_535
/**
 * First, unmeasured slice of a pass whose loops are bounded by themselves. Not one: on a busy software adapter a submission takes as
 * long as a slice may, and would pass for the time of the group.
 */
const FIRST_GROUPS = 16
/** Below this the fixed cost of a submission hides what the groups cost. */
const MEASURABLE_MS = 1
/** The estimate falls at most so much at once: one quick slice says little about the next. */
const FASTEST_FALL = 1 / 8
/** A slice over so many times its estimate is a strike; after so many strikes the estimate is believed no more. */
const STRIKE = 10
const STRIKES_MAX = 3

export interface Slice {
  readonly pass: number
  readonly repeat: number
  /** First workgroup and number of workgroups. */
  readonly from: Extent
  readonly groups: Extent
}

/** Where a unit stands: the next workgroup that no slice has taken. */
export interface SlicePosition {
  readonly pass: number
  readonly repeat: number
  readonly at: Extent
}

export function groupCount([x, y, z]: Extent): number {
  return x * y * z
}

export class SliceBudget {
  readonly #passes: number
  readonly #firstGroups: number
  #targetMs = 10
  #scale = 1
  #strikes = 0
  #msPerGroup: number[] = []
  #measured: boolean[] = []

  /** `careful`: the first slice of a pass is one workgroup, because only its fuel bounds it. */
  constructor(passes: number, careful: boolean) {
    this.#passes = passes
    this.#firstGroups = careful ? 1 : FIRST_GROUPS
    this.forget()
  }

  /** Length of a slice to aim at, in milliseconds. */
  get targetMs(): number {
    return Math.max(SLICE_MIN_MS, Math.min(SLICE_MAX_MS, this.#targetMs * this.#scale))
  }

  aim(targetMs: number): void {
    this.#targetMs = targetMs
  }

  /** After a lost device. */
  halve(): void {
    this.#scale /= 2
  }

  /** Starts anew, as for passes never seen. */
  forget(): void {
    this.#strikes = 0
    this.#msPerGroup = Array.from({ length: this.#passes }, () => this.targetMs / this.#firstGroups)
    this.#measured = Array.from({ length: this.#passes }, () => false)
  }

  measured(pass: number): boolean {
    return this.#measured[pass] ?? false
  }

  /** Workgroups of a pass that take so long by estimate, at least one. */
  groupsWithin(pass: number, ms: number): number {
    if (!this.measured(pass)) return this.#firstGroups
    return Math.max(1, Math.floor(ms / this.leastMs(pass)))
  }

  /** Estimate of one workgroup. */
  leastMs(pass: number): number {
    return this.#msPerGroup[pass] ?? this.targetMs
  }

  estimateMs(slice: Slice): number {
    return groupCount(slice.groups) * (this.#msPerGroup[slice.pass] ?? 0)
  }

  /** What slices submitted together took. */
  learn(slices: readonly Slice[], elapsedMs: number): void {
    const estimate = slices.reduce((sum, slice) => sum + this.estimateMs(slice), 0)
    const passes = new Set(slices.map((slice) => slice.pass))
    const known = [...passes].every((pass) => this.measured(pass))
    if (known && elapsedMs > STRIKE * Math.max(estimate, MEASURABLE_MS) && ++this.#strikes === STRIKES_MAX) {
      this.forget()
      return
    }
    const ratio = Math.max(FASTEST_FALL, Math.max(elapsedMs, 0.001) / estimate)
    const factor = elapsedMs < MEASURABLE_MS ? Math.min(1, ratio) : ratio
    for (const pass of passes) {
      this.#msPerGroup[pass] = (this.#msPerGroup[pass] ?? 0) * factor
      this.#measured[pass] = true
    }
  }
}

/** Takes the slices of a unit one after the other. */
export class SliceCursor {
  readonly #passes: readonly GpuPass[]
  readonly #groups: number
  #pass: number
  #repeat: number
  #at: Extent
  #taken = 0

  constructor(passes: readonly GpuPass[], from: SlicePosition = { pass: 0, repeat: 0, at: [0, 0, 0] }) {
    this.#passes = passes
    this.#groups = passes.reduce((sum, { groups, repeat }) => sum + groupCount(groups) * repeat, 0)
    this.#pass = from.pass
    this.#repeat = from.repeat
    this.#at = from.at
    passes.forEach(({ groups: [x, y, z], repeat }, pass) => {
      if (pass < from.pass) this.#taken += x * y * z * repeat
      else if (pass === from.pass) this.#taken += x * y * z * from.repeat + (from.at[2] * y + from.at[1]) * x + from.at[0]
    })
  }

  get done(): boolean {
    return this.#pass >= this.#passes.length
  }

  get position(): SlicePosition {
    return { pass: this.#pass, repeat: this.#repeat, at: this.#at }
  }

  /** Workgroups of this repeat of the pass that no slice has taken. */
  get left(): number {
    const groups = this.#passes[this.#pass]?.groups
    if (groups === undefined) return 0
    const [x, y, z] = this.#at
    return groupCount(groups) - ((z * groups[1] + y) * groups[0] + x)
  }

  /** Part of the unit's workgroups that slices have taken. */
  get fraction(): number {
    return this.#groups === 0 ? 1 : Math.min(1, this.#taken / this.#groups)
  }

  /** The next slice, of at most so many workgroups; undefined at the end. */
  take(groupsAtMost: (pass: number) => number): Slice | undefined {
    const plan = this.#passes[this.#pass]
    if (plan === undefined) return undefined
    const groups = box(plan.groups, this.#at, groupsAtMost(this.#pass))
    const slice: Slice = { pass: this.#pass, repeat: this.#repeat, from: this.#at, groups }
    this.#taken += groupCount(groups)
    this.#advance(plan, groups)
    return slice
  }

  #advance({ groups: [width, height, depth], repeat }: GpuPass, [columns, rows, layers]: Extent): void {
    let [x, y, z] = this.#at
    if (layers > 1 || (columns === width && rows === height)) z += layers
    else if (rows > 1 || columns === width) y += rows
    else x += columns
    if (x === width) [x, y] = [0, y + 1]
    if (y === height) [y, z] = [0, z + 1]
    this.#at = [x, y, z]
    if (z < depth) return
    this.#at = [0, 0, 0]
    if (++this.#repeat < repeat) return
    this.#repeat = 0
    this.#pass++
  }
}

/** Whole layers from a layer's start, whole rows from a row's start, else a part of a row. */
function box([width, height, depth]: Extent, [x, y, z]: Extent, most: number): Extent {
  const whole = x === 0 && width <= GROUPS_MAX
  if (whole && y === 0 && height <= GROUPS_MAX) {
    const layers = Math.min(depth - z, Math.floor(most / (width * height)), GROUPS_MAX)
    if (layers > 0) return [width, height, layers]
  }
  if (whole) {
    const rows = Math.min(height - y, Math.floor(most / width), GROUPS_MAX)
    if (rows > 0) return [width, rows, 1]
  }
  return [Math.max(1, Math.min(width - x, most, GROUPS_MAX)), 1, 1]
}

/** Whether a position lies inside the passes. */
export function isPosition(passes: readonly GpuPass[], { pass, repeat, at }: SlicePosition): boolean {
  const plan = passes[pass]
  return plan !== undefined && repeat < plan.repeat && at.every((coordinate, axis) => coordinate < (plan.groups[axis] ?? 0))
}
