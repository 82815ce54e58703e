/** Deterministic `Math.random`: the same unit draws the same stream on every volunteer. Runs inside the sandbox: no imports. */

export interface SeededRandom {
  readonly next: () => number
  seed(value: number): void
  /** `seed(state())` goes on with the same stream. */
  state(): number
}

/** Mulberry32. One 32-bit state, period about 2³²; the seed decides everything. */
export function seededRandom(): SeededRandom {
  let state = 0
  return {
    seed: (value) => {
      state = value | 0
    },
    state: () => state,
    next: () => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
    }
  }
}

/** FNV-1a (32 bits) over `job/unit`. Part of ABI 1: every executor of every version gives a unit this seed. */
export function unitSeed(job: string, unit: number): number {
  let hash = 0x811c9dc5
  for (const character of `${job}/${unit}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash | 0
}
