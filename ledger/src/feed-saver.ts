/** The way of feeds into the store, each feed's in order. Foreign records go there when they can, all that have come meanwhile at once. */
import type { Feed } from './feed.ts'
import { feedKey, type FeedName } from './feed-name.ts'
import type { LedgerStore } from './store.ts'
import { Turns } from './turns.ts'

export class FeedSaver {
  readonly #store: Pick<LedgerStore, 'save' | 'drop'>
  readonly #turns = new Turns()
  readonly #queued = new Set<Feed>()

  constructor(store: Pick<LedgerStore, 'save' | 'drop'>) {
    this.#store = store
  }

  /** Own records, before they are applied. Rejects with the store's error. */
  append(feed: Feed, update: Uint8Array, records: number): Promise<void> {
    return this.#turns.run(feedKey(feed.name), async () => {
      await this.#store.save(feed.name, update)
      feed.saved += records
    })
  }

  /** What was applied and is not saved. Not durable is no reason to refuse: foreign records are asked for again after a restart. */
  later(feed: Feed): void {
    if (this.#queued.has(feed)) return
    this.#queued.add(feed)
    const save = () => {
      this.#queued.delete(feed)
      return this.#saveRest(feed)
    }
    this.#turns.run(feedKey(feed.name), save).catch(() => undefined)
  }

  /** In the place of whatever the store has of this feed. Rejects with the store's error. */
  replace(feed: Feed): Promise<void> {
    return this.#turns.run(feedKey(feed.name), async () => {
      await this.#store.drop(feed.name)
      feed.saved = 0
      await this.#saveRest(feed)
    })
  }

  drop(name: FeedName): void {
    this.#turns.run(feedKey(name), () => this.#store.drop(name)).catch(() => undefined)
  }

  /** Resolves when nothing waits any more, saved or not. */
  settled(): Promise<void> {
    return this.#turns.settled()
  }

  async #saveRest(feed: Feed): Promise<void> {
    const { update, length } = feed.unsaved()
    if (update === null) return
    await this.#store.save(feed.name, update)
    feed.saved = length
  }
}
