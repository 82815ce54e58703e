/** The feeds that a replica holds, how much they take, and which go first when that is too much. */
import type { AuthorId } from '@peercompute/job-specs'
import type { Feed } from './feed.ts'
import { feedKey, type FeedName } from './feed-name.ts'
import { KEEP_SHARE, SHED_MAX, type LedgerLimits } from './limits.ts'

/** How much a feed is missed: `covered` goes first, then `idle`, a foreign feed without a live job. `needed` never goes. */
export type Worth = 'covered' | 'idle' | 'needed'

export class FeedShelf {
  readonly #limits: LedgerLimits
  /** The feed that has not grown for longest first. */
  readonly #feeds = new Map<string, Feed>()
  readonly #sizes = new Map<string, number>()
  /** Lengths of feeds that were given up though nothing covers them. */
  readonly #shed = new Map<string, number>()
  #bytes = 0

  constructor(limits: LedgerLimits) {
    this.#limits = limits
  }

  get all(): readonly Feed[] {
    return [...this.#feeds.values()]
  }

  get bytes(): number {
    return this.#bytes
  }

  get(name: FeedName): Feed | undefined {
    return this.#feeds.get(feedKey(name))
  }

  /** By epoch. */
  of(author: AuthorId): Feed[] {
    return this.all.filter(({ name }) => name.author === author).sort((a, b) => a.name.epoch - b.name.epoch)
  }

  shedLength(name: FeedName): number {
    return this.#shed.get(feedKey(name)) ?? 0
  }

  /** Call it whenever a feed has changed its size. */
  put(feed: Feed): void {
    const key = feedKey(feed.name)
    this.#bytes += feed.bytes - (this.#sizes.get(key) ?? 0)
    this.#sizes.set(key, feed.bytes)
    this.#feeds.delete(key)
    this.#feeds.set(key, feed)
    this.#shed.delete(key)
  }

  /** `shed`: it is not covered, so that peers will offer it again. */
  remove(feed: Feed, shed: boolean): void {
    const key = feedKey(feed.name)
    this.#bytes -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
    this.#feeds.delete(key)
    if (shed) {
      const oldest = this.#shed.size >= SHED_MAX ? this.#shed.keys().next() : undefined
      if (oldest !== undefined && oldest.done !== true) this.#shed.delete(oldest.value)
      this.#shed.set(key, feed.length)
    }
    feed.destroy()
  }

  /** Feeds to give up so that one feed may grow by `bytes`: none when it fits, null when it cannot be made to fit. */
  roomFor(name: FeedName, bytes: number, worthOf: (feed: Feed) => Worth): readonly Feed[] | null {
    const fresh = this.get(name) === undefined
    const tooLarge = () => total + bytes > this.#limits.bytes * (found.length > 0 ? KEEP_SHARE : 1)
    const tooMany = () => fresh && count >= this.#limits.feeds * (found.length > 0 ? KEEP_SHARE : 1)
    const found: Feed[] = []
    let [total, count] = [this.#bytes, this.#feeds.size]
    if (!tooLarge() && !tooMany()) return found
    const others = this.all.filter((feed) => feedKey(feed.name) !== feedKey(name)).map((feed) => ({ feed, worth: worthOf(feed) }))
    for (const { feed } of [...others.filter(({ worth }) => worth === 'covered'), ...others.filter(({ worth }) => worth === 'idle')]) {
      found.push(feed)
      total -= feed.bytes
      count--
      if (!tooLarge() && !tooMany()) return found
    }
    return total + bytes > this.#limits.bytes || (fresh && count >= this.#limits.feeds) ? null : found
  }
}
