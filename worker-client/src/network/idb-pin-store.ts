import { openClientDatabase } from '../storage/client-database.ts'
import type { PinStore } from './pin-store.ts'

export function createIdbPinStore(databaseName?: string): PinStore {
  return {
    async get(coordinator) {
      const database = await openClientDatabase(databaseName)
      try {
        return (await database.get('pins', coordinator)) ?? null
      } finally {
        database.close()
      }
    },
    async set(coordinator, root) {
      const database = await openClientDatabase(databaseName)
      try {
        await database.put('pins', root, coordinator)
      } finally {
        database.close()
      }
    }
  }
}
