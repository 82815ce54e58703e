/**
 * Uniform in [0, 1), from the platform's secure generator, 256 draws at a time. What is drawn decides which units a host is given and which
 * results are checked, and retry times tell hosts about some draws: from those, the state of `Math.random` could be computed.
 */
export function createUnpredictable(): () => number {
  const draws = new Uint32Array(256)
  let next = draws.length
  return () => {
    if (next === draws.length) {
      crypto.getRandomValues(draws)
      next = 0
    }
    return (draws[next++] ?? 0) / 2 ** 32
  }
}
