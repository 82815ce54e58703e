import type { Clock } from '@peercompute/p2p/time'

/** Allows `burst` at once and `perSecond` in the long run. */
export function createTokenBucket(perSecond: number, burst: number, clock: Pick<Clock, 'now'>): { take(): boolean } {
  let tokens = burst
  let at = clock.now()
  return {
    take() {
      const time = clock.now()
      tokens = Math.min(burst, tokens + (Math.max(0, time - at) / 1_000) * perSecond)
      at = time
      if (tokens < 1) return false
      tokens -= 1
      return true
    }
  }
}
