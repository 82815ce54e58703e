/** Bytes a second for each of many keys: token buckets that start full. */
import type { Clock } from './time/clock.ts'

export interface ByteRate {
  readonly bytesPerSecond: number
  readonly burstBytes: number
}

/** Keys that are remembered. Whoever was not heard of for longest is forgotten, with a full bucket. */
const KEYS_MAX = 1_024

export class ByteBudget {
  readonly #rate: ByteRate
  readonly #clock: Pick<Clock, 'now'>
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(rate: ByteRate, clock: Pick<Clock, 'now'>) {
    this.#rate = rate
    this.#clock = clock
  }

  /** Milliseconds until `bytes` may be taken; 0 when they may now, and are. More than the burst is allowed when the bucket is full. */
  take(key: string, bytes: number): number {
    const { bytesPerSecond, burstBytes } = this.#rate
    const now = this.#clock.now()
    const before = this.#buckets.get(key) ?? { tokens: burstBytes, at: now }
    const tokens = Math.min(burstBytes, before.tokens + (Math.max(0, now - before.at) / 1_000) * bytesPerSecond)
    const lacking = Math.min(bytes, burstBytes) - tokens
    this.#remember(key, { tokens: lacking > 0 ? tokens : tokens - bytes, at: now })
    return lacking > 0 ? Math.ceil((lacking / bytesPerSecond) * 1_000) : 0
  }

  #remember(key: string, bucket: { tokens: number; at: number }): void {
    this.#buckets.delete(key)
    const oldest = this.#buckets.size >= KEYS_MAX ? this.#buckets.keys().next() : undefined
    if (oldest !== undefined && oldest.done !== true) this.#buckets.delete(oldest.value)
    this.#buckets.set(key, bucket)
  }
}
