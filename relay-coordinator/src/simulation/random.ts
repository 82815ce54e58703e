/** Random numbers that a seed decides: mulberry32 (T. Ettinger), period 2^32, more than a run draws. */

/** Uniform in [0, 1). */
export type Random = () => number

/** The same for the same seed, on every machine. */
export function randomOf(seed: number): Random {
  let state = Math.imul(seed, 7919) + 13
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number in [0, below). */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}
