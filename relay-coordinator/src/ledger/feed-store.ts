/** The ledger's feeds in one SQLite file of the data folder: Yjs updates in the order in which they were saved. */
import { DatabaseSync } from 'node:sqlite'
import { authorIdSchema, PeerComputeError } from '@peercompute/job-specs'
import type { LedgerStore } from '@peercompute/ledger'
import { z } from 'zod'
import { errorMessage } from '../config/error-code.ts'

export interface FeedStore extends LedgerStore {
  /** Idempotent. */
  close(): void
}

const rowSchema = z.object({ author: authorIdSchema, epoch: z.int().min(0), bytes: z.instanceof(Uint8Array) })

/** `onLost` hears of foreign feeds' updates that could not be saved; the ledger goes on without them. */
export function openFeedStore(path: string, onLost: (error: unknown) => void): FeedStore {
  const database = new DatabaseSync(path)
  // FULL: an own record must be on disk before peers see it, or a crash would make the author fork its feed.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(
    'CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, author TEXT NOT NULL, epoch INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT'
  )
  const insert = database.prepare('INSERT INTO updates (author, epoch, bytes) VALUES (?, ?, ?)')
  const select = database.prepare('SELECT author, epoch, bytes FROM updates ORDER BY id')
  let open = true
  return {
    load: async () =>
      select.all().map((row) => {
        const { author, epoch, bytes } = rowSchema.parse(row)
        return { feed: { author, epoch }, update: bytes }
      }),
    async save({ author, epoch }, update) {
      try {
        insert.run(author, epoch, update)
      } catch (cause) {
        const error = new PeerComputeError('STORE_FULL', `${path}: ${errorMessage(cause)}`, { cause })
        onLost(error)
        throw error
      }
    },
    close() {
      if (!open) return
      open = false
      database.close()
    }
  }
}
