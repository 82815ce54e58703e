/** Asks the browser to keep this site's data, and what it says. */
import type { StorageReport } from '../models/network/storage-words.ts'

const KEY = 'peercompute.persistence'

/** Some browsers ask the person then, so call it after Start only. Never rejects. */
export async function askToPersist(): Promise<void> {
  const storage = storageManager()
  if (storage === null || (await storage.persisted().catch(() => false))) return
  const granted = await storage.persist().catch(() => false)
  localStorage.setItem(KEY, granted ? 'granted' : 'declined')
}

/** Never rejects. */
export async function storageReport(): Promise<StorageReport> {
  const storage = storageManager()
  if (storage === null) return { persisted: null, asked: 'cannot be asked', usageBytes: null }
  const [persisted, usageBytes] = await Promise.all([
    storage.persisted().catch(() => null),
    storage.estimate().then(
      ({ usage }) => usage ?? null,
      () => null
    )
  ])
  const asked = localStorage.getItem(KEY)
  return { persisted, usageBytes, asked: asked === 'granted' || asked === 'declined' ? asked : 'not yet' }
}

/** Missing on insecure origins and in older browsers, whatever the types say. */
function storageManager(): StorageManager | null {
  const { storage }: { readonly storage?: Partial<StorageManager> | undefined } = navigator as Partial<Navigator>
  return storage?.persist === undefined || storage.persisted === undefined || storage.estimate === undefined ? null : navigator.storage
}
