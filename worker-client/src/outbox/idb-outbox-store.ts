import { openClientDatabase } from '../storage/client-database.ts'
import type { OutboxStore } from './outbox.ts'

/** One connection for the life of the page: results are added several times a second. */
export function createIdbOutboxStore(databaseName?: string): OutboxStore {
  const database = openClientDatabase(databaseName)
  database.catch(() => undefined)
  return {
    load: async () => (await database).getAll('outbox'),
    put: async (item) => {
      await (await database).put('outbox', item, item.key)
    },
    remove: async (key) => {
      await (await database).delete('outbox', key)
    }
  }
}
