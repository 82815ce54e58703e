/** Allows `burst` at once and `perSecond` in the long run. */
export function createTokenBucket(perSecond: number, burst: number, now: () => number): { take(): boolean } {
  let tokens = burst
  let at = now()
  return {
    take() {
      const time = now()
      tokens = Math.min(burst, tokens + (Math.max(0, time - at) / 1_000) * perSecond)
      at = time
      if (tokens < 1) return false
      tokens -= 1
      return true
    }
  }
}
