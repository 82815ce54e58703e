/** Randomness that can be had again: every lossy line prints the seed that it runs on. */

/** `PEERCOMPUTE_TEST_SEED` when it is set, else another one each time. Prints it, with what it is for. */
export function testSeed(purpose: string): number {
  const seed = Number(process.env['PEERCOMPUTE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
  process.stdout.write(`${purpose}: PEERCOMPUTE_TEST_SEED=${seed}\n`)
  return seed
}

/** mulberry32 (Tommy Ettinger, public domain): numbers in [0, 1), the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
