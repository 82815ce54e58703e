/** The volunteer's IndexedDB database: identity, outbox, pins. Ledger feeds have databases of their own (y-indexeddb). */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { RootId } from '@peercompute/job-specs'
import type { FeedName } from '@peercompute/ledger'
import type { Identity } from '../identity/identity.ts'
import type { OutboxItem } from '../outbox/outbox.ts'

interface ClientDatabase extends DBSchema {
  identity: { key: string; value: Identity }
  outbox: { key: string; value: OutboxItem }
  /** Pinned roots by coordinator URL. */
  pins: { key: string; value: RootId }
  /** Feeds that are kept, by the name of their own database. */
  feeds: { key: string; value: FeedName }
}

const VERSION = 1

export function openClientDatabase(name = 'peercompute'): Promise<IDBPDatabase<ClientDatabase>> {
  return openDB<ClientDatabase>(name, VERSION, {
    upgrade(database) {
      database.createObjectStore('identity')
      database.createObjectStore('outbox')
      database.createObjectStore('pins')
      database.createObjectStore('feeds')
    },
    // A tab with an older page must not keep a newer one from upgrading.
    blocking: (_current, _blocked, event) => {
      ;(event.target as IDBDatabase | null)?.close()
    }
  })
}
