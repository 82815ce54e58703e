import type { CheckpointDisk } from './checkpoint-disk.ts'

/** For hosts without a disk, and as the model of the others. */
export function createMemoryCheckpointDisk(): CheckpointDisk {
  const records = new Map<string, Uint8Array>()
  return {
    list: async () => [...records].map(([key, { length }]) => ({ key, bytes: length })),
    read: async (key) => records.get(key)?.slice() ?? null,
    async write(key, record) {
      records.delete(key)
      records.set(key, record.slice())
    },
    async remove(key) {
      records.delete(key)
    }
  }
}
