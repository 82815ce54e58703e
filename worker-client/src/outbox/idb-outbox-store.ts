import { openClientDatabase } from '../storage/client-database.ts'
import { lastingConnection } from '../storage/lasting-connection.ts'
import type { OutboxStore } from './outbox.ts'

/** One connection for the life of the page: results are added several times a second. */
export function createIdbOutboxStore(databaseName?: string): OutboxStore {
  const withDatabase = lastingConnection(() => openClientDatabase(databaseName))
  return {
    load: () => withDatabase((database) => database.getAll('outbox')),
    put: (item) =>
      withDatabase(async (database) => {
        await database.put('outbox', item, item.key)
      }),
    remove: (key) => withDatabase((database) => database.delete('outbox', key))
  }
}
