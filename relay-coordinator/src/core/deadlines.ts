/** Leases by the second in which they run out: giving, renewing and ending one costs the same however many there are. */
import type { HeldLease } from './held-lease.ts'

const BUCKET_MS = 1_000

export class Deadlines {
  readonly #buckets = new Map<number, Set<HeldLease>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(lease: HeldLease): void {
    const key = Math.floor(lease.deadline / BUCKET_MS)
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) this.#buckets.set(key, new Set([lease]))
    else bucket.add(lease)
    this.#size++
  }

  /** Before its deadline changes. */
  delete(lease: HeldLease): void {
    const key = Math.floor(lease.deadline / BUCKET_MS)
    const bucket = this.#buckets.get(key)
    if (bucket?.delete(lease) !== true) return
    if (bucket.size === 0) this.#buckets.delete(key)
    this.#size--
  }

  /** Leases whose deadline has passed. */
  due(now: number): HeldLease[] {
    const out: HeldLease[] = []
    for (const [key, bucket] of this.#buckets) {
      if (key * BUCKET_MS > now) continue
      for (const lease of bucket) if (lease.deadline <= now) out.push(lease)
    }
    return out
  }
}
