/** Units of one job that want another execution, in queues by who may not take them. Every step but `take` costs the same however many wait. */
import type { UnitInFlight, WantGroup } from './unit.ts'

/** Groups that one ask looks at in one job; with more of them it begins anywhere, so that the next ask sees others. */
const GROUPS_MAX = 64

export class WantQueue {
  readonly #byKey = new Map<string, WantGroup>()
  readonly #groups: WantGroup[] = []
  #size = 0

  /** Units that wait. */
  get size(): number {
    return this.#size
  }

  get groups(): readonly WantGroup[] {
    return this.#groups
  }

  add(unit: UnitInFlight, excluded: readonly string[]): void {
    const key = excluded.length === 1 ? (excluded[0] ?? '') : excluded.join(' | ')
    if (unit.group?.key === key) return
    this.delete(unit)
    let group = this.#byKey.get(key)
    if (group === undefined) {
      group = { key, excluded, index: this.#groups.length, first: null, last: null }
      this.#byKey.set(key, group)
      this.#groups.push(group)
    }
    unit.group = group
    unit.previous = group.last
    if (group.last === null) group.first = unit
    else group.last.next = unit
    group.last = unit
    this.#size++
  }

  delete(unit: UnitInFlight): void {
    const { group, previous, next } = unit
    if (group === null) return
    if (previous === null) group.first = next
    else previous.next = next
    if (next === null) group.last = previous
    else next.previous = previous
    unit.group = unit.previous = unit.next = null
    this.#size--
    if (group.first === null) this.#drop(group)
  }

  /** Numbers of up to `most` units that whoever has these marks may take. `random` in [0, 1): where to begin. */
  take(marks: readonly string[], most: number, random: number): { readonly numbers: number[]; readonly looked: number } {
    const numbers: number[] = []
    const from = Math.floor(random * this.#groups.length)
    const groups = Math.min(GROUPS_MAX, this.#groups.length)
    let looked = 0
    for (; looked < groups && numbers.length < most; looked++) {
      const group = this.#groups[(from + looked) % this.#groups.length]
      if (group === undefined || marks.some((mark) => group.excluded.includes(mark))) continue
      for (let unit = group.first; unit !== null && numbers.length < most; unit = unit.next) numbers.push(unit.number)
    }
    return { numbers, looked }
  }

  clear(): void {
    this.#byKey.clear()
    this.#groups.length = 0
    this.#size = 0
  }

  #drop(group: WantGroup): void {
    this.#byKey.delete(group.key)
    const last = this.#groups.pop()
    if (last === undefined || last === group) return
    this.#groups[group.index] = last
    last.index = group.index
  }
}
