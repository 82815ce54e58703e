/** The volunteer's IndexedDB database: identity, outbox, pins, saved states. Ledger feeds have databases of their own (y-indexeddb). */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { CoordinatorInfo, RootId } from '@peercompute/job-specs'
import type { EquivocationProof, FeedName } from '@peercompute/ledger'
import type { Identity } from '../identity/identity.ts'
import type { OutboxItem } from '../outbox/outbox.ts'

interface ClientDatabase extends DBSchema {
  identity: { key: string; value: Identity }
  outbox: { key: string; value: OutboxItem }
  /** Pinned roots by coordinator URL. */
  pins: { key: string; value: RootId }
  /** What each coordinator said last, by its URL. */
  coordinators: { key: string; value: CoordinatorInfo }
  /** Feeds that are kept, by the name of their own database. */
  feeds: { key: string; value: FeedName }
  /** The newest snapshot of the ledger, as it travels. */
  snapshots: { key: string; value: Uint8Array }
  /** Proofs of forks, by the name of the feed's own database. */
  forks: { key: string; value: EquivocationProof }
  /** Saved states and held leases, and apart from them how large each is and when it was written. */
  checkpoints: { key: string; value: Uint8Array }
  checkpointSizes: { key: string; value: { readonly key: string; readonly bytes: number; readonly at: number } }
}

const VERSION = 3

export function openClientDatabase(name = 'peercompute'): Promise<IDBPDatabase<ClientDatabase>> {
  return openDB<ClientDatabase>(name, VERSION, {
    upgrade(database, before) {
      if (before < 1) {
        database.createObjectStore('identity')
        database.createObjectStore('outbox')
        database.createObjectStore('pins')
        database.createObjectStore('feeds')
      }
      if (before < 2) {
        database.createObjectStore('coordinators')
        database.createObjectStore('snapshots')
        database.createObjectStore('forks')
      }
      if (before < 3) {
        database.createObjectStore('checkpoints')
        database.createObjectStore('checkpointSizes')
      }
    },
    // A tab with an older page must not keep a newer one from upgrading.
    blocking: (_current, _blocked, event) => {
      ;(event.target as IDBDatabase | null)?.close()
    }
  })
}
