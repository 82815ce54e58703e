/** Limits by who somebody is: whoever has many addresses has one token and one key. Beside the limit by address, not in its place. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import { createTokenBucket } from '../work/token-bucket.ts'

/** Those that were met longest ago are forgotten first; their addresses are still counted. */
const KEYS_MAX = 10_000

export interface KeyedLimit {
  /** Throws RATE_LIMITED when `who` has made more than `perMinute` requests in the last minute or so. */
  take(who: string, perMinute: number): void
}

export function createKeyedLimit(clock: Pick<Clock, 'now'>): KeyedLimit {
  const buckets = new Map<string, ReturnType<typeof createTokenBucket>>()
  return {
    take(who, perMinute) {
      const bucket = buckets.get(who) ?? createTokenBucket(perMinute / 60, perMinute, clock)
      buckets.delete(who)
      buckets.set(who, bucket)
      for (const oldest of buckets.keys()) {
        if (buckets.size <= KEYS_MAX) break
        buckets.delete(oldest)
      }
      if (!bucket.take()) throw new PeerComputeError('RATE_LIMITED', `${who} makes more than ${perMinute} requests a minute`)
    }
  }
}
