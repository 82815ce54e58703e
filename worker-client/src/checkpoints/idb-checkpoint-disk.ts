import { openClientDatabase } from '../storage/client-database.ts'
import { lastingConnection } from '../storage/lasting-connection.ts'
import type { CheckpointDisk } from './checkpoint-disk.ts'

/** In the client database: the records in one object store, their sizes in another, so that listing them reads none. */
export function createIdbCheckpointDisk(databaseName?: string): CheckpointDisk {
  const withDatabase = lastingConnection(() => openClientDatabase(databaseName))
  return {
    list: () =>
      withDatabase(async (database) => {
        const kept = await database.getAll('checkpointSizes')
        return kept.sort((a, b) => a.at - b.at).map(({ key, bytes }) => ({ key, bytes }))
      }),
    read: (key) => withDatabase(async (database) => (await database.get('checkpoints', key)) ?? null),
    write: (key, record) =>
      withDatabase(async (database) => {
        const write = database.transaction(['checkpoints', 'checkpointSizes'], 'readwrite')
        await Promise.all([
          write.objectStore('checkpoints').put(record, key),
          write.objectStore('checkpointSizes').put({ key, bytes: record.length, at: Date.now() }, key),
          write.done
        ])
      }),
    remove: (key) =>
      withDatabase(async (database) => {
        const write = database.transaction(['checkpoints', 'checkpointSizes'], 'readwrite')
        await Promise.all([write.objectStore('checkpoints').delete(key), write.objectStore('checkpointSizes').delete(key), write.done])
      })
  }
}
