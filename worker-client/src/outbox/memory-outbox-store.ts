import type { OutboxItem, OutboxStore } from './outbox.ts'

/** For hosts without a disk, and as the model of the others. */
export function createMemoryOutboxStore(): OutboxStore {
  const items = new Map<string, OutboxItem>()
  return {
    load: async () => [...items.values()],
    put: async (item) => {
      items.set(item.key, item)
    },
    remove: async (key) => {
      items.delete(key)
    }
  }
}
