import { coordinatorInfoSchema } from '@peercompute/job-specs'
import { openClientDatabase } from '../storage/client-database.ts'
import type { PinStore } from './pin-store.ts'

export function createIdbPinStore(databaseName?: string): PinStore {
  const using = async <T>(use: (database: Awaited<ReturnType<typeof openClientDatabase>>) => Promise<T>): Promise<T> => {
    const database = await openClientDatabase(databaseName)
    try {
      return await use(database)
    } finally {
      database.close()
    }
  }
  return {
    get: (coordinator) => using(async (database) => (await database.get('pins', coordinator)) ?? null),
    set: (coordinator, root) =>
      using(async (database) => {
        await database.put('pins', root, coordinator)
      }),
    lastInfo: (coordinator) =>
      using(async (database) => coordinatorInfoSchema.safeParse(await database.get('coordinators', coordinator)).data ?? null),
    setLastInfo: (coordinator, info) =>
      using(async (database) => {
        await database.put('coordinators', info, coordinator)
      })
  }
}
