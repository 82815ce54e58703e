import { feedGuid, type FeedName, type LedgerStore } from '@peercompute/ledger'
import { fetchUpdates, IndexeddbPersistence } from 'y-indexeddb'
import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs'
import { openClientDatabase } from '../storage/client-database.ts'

/** Feeds in IndexedDB through y-indexeddb, a database each; it also merges what has become many small updates. */
export function createIdbLedgerStore(databaseName = 'peercompute'): LedgerStore {
  const kept = new Map<string, Promise<IndexeddbPersistence>>()

  const nameOf = (feed: FeedName) => `${databaseName}-feed-${feed.author}-${feed.epoch}`
  const openFeed = (feed: FeedName): Promise<IndexeddbPersistence> => {
    const name = nameOf(feed)
    const known = kept.get(name)
    if (known !== undefined) return known
    const opened = new IndexeddbPersistence(name, new Doc({ guid: feedGuid(feed) })).whenSynced
    kept.set(name, opened)
    return opened
  }
  const remember = async (feed: FeedName) => {
    const database = await openClientDatabase(databaseName)
    try {
      await database.put('feeds', { author: feed.author, epoch: feed.epoch }, nameOf(feed))
    } finally {
      database.close()
    }
  }

  return {
    async load() {
      const database = await openClientDatabase(databaseName)
      const feeds = await database.getAll('feeds').finally(() => {
        database.close()
      })
      return Promise.all(feeds.map(async (feed) => ({ feed, update: encodeStateAsUpdate((await openFeed(feed)).doc) })))
    },
    async save(feed, update) {
      if (!kept.has(nameOf(feed))) await remember(feed)
      const persistence = await openFeed(feed)
      applyUpdate(persistence.doc, update)
      // y-indexeddb writes without telling when it is done; reading the same store waits for it.
      await fetchUpdates(persistence)
    }
  }
}
