/** Cuts a unit's passes into dispatches of a bounded time, learnt from measurement. Runs inside the sandbox: no imports but types. */
import type { Extent, GpuPass } from './gpu-task.ts'

/** A hung or long dispatch cannot be stopped and stalls the screen: aim at half of what is allowed, because estimates err. */
export const SLICE_TARGET_MS = 25
/** WebGPU's limit of workgroups in one dimension. */
const GROUPS_MAX = 65_535
/** First, unmeasured slice of a pass. */
const FIRST_GROUPS = 16
/** Below this the fixed cost of a submission hides what the groups cost. */
const MEASURABLE_MS = 2
/** The estimate falls at most so much at once: one quick slice says little about the next. */
const FASTEST_FALL = 1 / 8

export interface Slice {
  readonly pass: number
  readonly repeat: number
  /** First workgroup and number of workgroups. */
  readonly from: Extent
  readonly groups: Extent
}

function groupCount([x, y, z]: Extent): number {
  return x * y * z
}

export class SliceBudget {
  readonly #msPerGroup: number[]
  readonly #measured: boolean[]

  constructor(passes: number) {
    this.#msPerGroup = Array.from({ length: passes }, () => SLICE_TARGET_MS / FIRST_GROUPS)
    this.#measured = Array.from({ length: passes }, () => false)
  }

  measured(pass: number): boolean {
    return this.#measured[pass] ?? false
  }

  groupsAtMost(pass: number): number {
    return Math.max(1, Math.floor(SLICE_TARGET_MS / (this.#msPerGroup[pass] ?? SLICE_TARGET_MS)))
  }

  estimateMs(slice: Slice): number {
    return groupCount(slice.groups) * (this.#msPerGroup[slice.pass] ?? 0)
  }

  /** What slices submitted together took. */
  learn(slices: readonly Slice[], elapsedMs: number): void {
    const estimate = slices.reduce((sum, slice) => sum + this.estimateMs(slice), 0)
    const ratio = Math.max(FASTEST_FALL, Math.max(elapsedMs, 0.01) / estimate)
    const factor = elapsedMs < MEASURABLE_MS ? Math.min(1, ratio) : ratio
    for (const pass of new Set(slices.map((slice) => slice.pass))) {
      this.#msPerGroup[pass] = (this.#msPerGroup[pass] ?? 0) * factor
      this.#measured[pass] = true
    }
  }
}

/** All slices of a unit in order. Each size is asked for when its turn comes, so that what was learnt counts at once. */
export function* slicesOf(passes: readonly GpuPass[], groupsAtMost: (pass: number) => number): Generator<Slice, void, undefined> {
  for (const [pass, { groups, repeat: repeats }] of passes.entries()) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const [width, height, depth] = groups
      let [x, y, z] = [0, 0, 0]
      while (z < depth) {
        const most = groupsAtMost(pass)
        const layers =
          x === 0 && y === 0 && width <= GROUPS_MAX && height <= GROUPS_MAX
            ? Math.min(depth - z, Math.floor(most / (width * height)), GROUPS_MAX)
            : 0
        const rows = layers === 0 && x === 0 && width <= GROUPS_MAX ? Math.min(height - y, Math.floor(most / width), GROUPS_MAX) : 0
        const columns = Math.min(width - x, most, GROUPS_MAX)
        const from: Extent = [x, y, z]
        if (layers > 0) {
          yield { pass, repeat, from, groups: [width, height, layers] }
          z += layers
          continue
        }
        if (rows > 0) {
          yield { pass, repeat, from, groups: [width, rows, 1] }
          y += rows
        } else {
          yield { pass, repeat, from, groups: [columns, 1, 1] }
          x += columns
          if (x === width) [x, y] = [0, y + 1]
        }
        if (y === height) [y, z] = [0, z + 1]
      }
    }
  }
}
