/** sfc32 by Chris Doty-Humphrey (PractRand): small, fast, 128 bits of state. Not for secrets: the seed is drawn when a result is there. */
export type Seed = readonly [number, number, number, number]

/** Four words of 32 bits from a source that is uniform in [0, 1). */
export function drawSeed(random: () => number): Seed {
  const word = (): number => Math.floor(random() * 2 ** 32)
  return [word(), word(), word(), word()]
}

/** Uniform in [0, 1), the same for the same seed. */
export function seededRandom([first, second, third, fourth]: Seed): () => number {
  let [a, b, c, counter] = [first | 0, second | 0, third | 0, fourth | 0]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}
