/**
 * Units of one job that want another execution, in groups by who may not take them. Every step but `take` costs the same however many wait;
 * `take` costs what it takes. Which of the waiting units are taken is drawn, so that nobody can choose them by the moment of asking.
 */
import type { UnitInFlight, WantGroup } from './unit.ts'

/** Groups that one ask looks at in one job; with more of them it begins anywhere, so that the next ask sees others. */
const GROUPS_MAX = 64

export interface Taking {
  /** Of whoever asks. */
  readonly marks: readonly string[]
  /** Units, and runs of neighbours, at most. */
  readonly most: number
  readonly runs: number
  /** The job's units in flight, by number. */
  readonly units: ReadonlyMap<number, UnitInFlight>
  /** Uniform in [0, 1). */
  readonly random: () => number
}

interface Taken {
  readonly numbers: Set<number>
  runs: number
}

export class WantQueue {
  readonly #byKey = new Map<string, WantGroup>()
  readonly #groups: WantGroup[] = []
  #size = 0
  /** Of the last unit: its neighbours are often kept from the same. */
  #excluded: readonly string[] = []
  #key = ''

  /** Units that wait. */
  get size(): number {
    return this.#size
  }

  get groups(): readonly WantGroup[] {
    return this.#groups
  }

  add(unit: UnitInFlight, excluded: readonly string[]): void {
    const key = excluded === this.#excluded ? this.#key : excluded.join(' | ')
    this.#excluded = excluded
    this.#key = key
    if (unit.group?.key === key) return
    this.delete(unit)
    let group = this.#byKey.get(key)
    if (group === undefined) {
      group = { key, excluded, index: this.#groups.length, units: [] }
      this.#byKey.set(key, group)
      this.#groups.push(group)
    }
    unit.group = group
    unit.slot = group.units.length
    group.units.push(unit)
    this.#size++
  }

  delete(unit: UnitInFlight): void {
    const { group, slot } = unit
    if (group === null) return
    const last = group.units.pop()
    if (last !== undefined && last !== unit) {
      group.units[slot] = last
      last.slot = slot
    }
    unit.group = null
    this.#size--
    if (group.units.length === 0) this.#drop(group)
  }

  /** Numbers of units that whoever has these marks may take. */
  take(taking: Taking): { readonly numbers: number[]; readonly looked: number } {
    const { marks, most, runs, random } = taking
    const taken: Taken = { numbers: new Set(), runs: 0 }
    const from = Math.floor(random() * this.#groups.length)
    const groups = Math.min(GROUPS_MAX, this.#groups.length)
    let looked = 0
    for (; looked < groups && taken.numbers.size < most && taken.runs <= runs; looked++) {
      const group = this.#groups[(from + looked) % this.#groups.length]
      if (group === undefined || marks.some((mark) => group.excluded.includes(mark))) continue
      takeRuns(group, taking, taken, Math.floor(random() * group.units.length))
    }
    return { numbers: [...taken.numbers], looked }
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

/** Adds to what is taken from one group, beginning with the unit in `slot`, until there is enough. */
function takeRuns(group: WantGroup, { most, runs, units }: Taking, taken: Taken, slot: number): void {
  const { numbers } = taken
  const isFree = (number: number): boolean => units.get(number)?.group === group && !numbers.has(number)
  for (let step = 0; step < group.units.length && numbers.size < most; step++) {
    const unit = group.units[(slot + step) % group.units.length]
    if (unit === undefined || !isFree(unit.number)) continue
    let first = unit.number
    // Runs begin at multiples where they can, so that what is left of a lease is not cut ever smaller.
    while (first % most !== 0 && isFree(first - 1)) first--
    if (!numbers.has(first - 1) && ++taken.runs > runs) return
    for (let number = first; numbers.size < most && isFree(number); number++) numbers.add(number)
  }
}
