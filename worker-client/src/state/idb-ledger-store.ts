import { feedGuid, type FeedName, type LedgerStore } from '@peercompute/ledger'
import { clearDocument, fetchUpdates, IndexeddbPersistence } from 'y-indexeddb'
import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs'
import { openClientDatabase } from '../storage/client-database.ts'

/** Key of the one snapshot in its object store. */
const SNAPSHOT = 'newest'

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
  const withDatabase = async <T>(use: (database: Awaited<ReturnType<typeof openClientDatabase>>) => Promise<T>): Promise<T> => {
    const database = await openClientDatabase(databaseName)
    try {
      return await use(database)
    } finally {
      database.close()
    }
  }

  return {
    load: () =>
      withDatabase(async (database) => {
        const feeds = await database.getAll('feeds')
        return {
          feeds: await Promise.all(feeds.map(async (feed) => ({ feed, update: encodeStateAsUpdate((await openFeed(feed)).doc) }))),
          snapshot: (await database.get('snapshots', SNAPSHOT)) ?? null,
          forks: await database.getAll('forks')
        }
      }),
    async save(feed, update) {
      if (!kept.has(nameOf(feed)))
        await withDatabase((database) => database.put('feeds', { author: feed.author, epoch: feed.epoch }, nameOf(feed)))
      const persistence = await openFeed(feed)
      applyUpdate(persistence.doc, update)
      // y-indexeddb writes without telling when it is done; reading the same store waits for it.
      await fetchUpdates(persistence)
    },
    async drop(feed) {
      const name = nameOf(feed)
      const opened = kept.get(name)
      kept.delete(name)
      await (await opened)?.destroy()
      await clearDocument(name)
      await withDatabase((database) => database.delete('feeds', name))
    },
    saveSnapshot: (_mark, encoded) =>
      withDatabase(async (database) => {
        await database.put('snapshots', encoded, SNAPSHOT)
      }),
    saveFork: (proof) =>
      withDatabase(async (database) => {
        await database.put('forks', proof, nameOf(proof.feed))
      })
  }
}
