/** Where a ledger's feeds survive a restart. The port, and the adapter that forgets. */
import { feedKey, type FeedName } from './feed-name.ts'

/**
 * Adapters keep Yjs updates by feed and know nothing of records. What `load` returns is verified like foreign bytes.
 *
 * `save` resolves when the update is durable and rejects when it is not there: own records are announced only after it. It is
 * called in order for each feed. A replica goes on with foreign feeds that could not be saved; telling somebody is the adapter's task.
 */
export interface LedgerStore {
  /** Updates of each feed in the order in which they were saved, one by one or merged. */
  load(): Promise<readonly { readonly feed: FeedName; readonly update: Uint8Array }[]>
  /** Adds an update that carries the records after those already saved. */
  save(feed: FeedName, update: Uint8Array): Promise<void>
}

export function memoryLedgerStore(): LedgerStore {
  const saved = new Map<string, { readonly feed: FeedName; readonly updates: Uint8Array[] }>()
  return {
    load: () => Promise.resolve([...saved.values()].flatMap(({ feed, updates }) => updates.map((update) => ({ feed, update })))),
    save: (feed, update) => {
      const held = saved.get(feedKey(feed))
      if (held === undefined) saved.set(feedKey(feed), { feed, updates: [update] })
      else held.updates.push(update)
      return Promise.resolve()
    }
  }
}
