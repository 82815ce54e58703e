/** The ledger's feeds, snapshot and proofs of forks in one SQLite file of the data folder. */
import { DatabaseSync } from 'node:sqlite'
import { authorIdSchema, PeerComputeError } from '@peercompute/job-specs'
import type { LedgerStore } from '@peercompute/ledger'
import { z } from 'zod'
import { errorMessage } from '../config/error-code.ts'

/** Own feeds of a lower epoch are not written to: see `beginNewEpochs`. */
const META = 'CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 0), own_from INTEGER NOT NULL) STRICT'

export interface FeedStore extends LedgerStore {
  /** Idempotent. */
  close(): void
}

const updateRow = z.object({ author: authorIdSchema, epoch: z.int().min(0), bytes: z.instanceof(Uint8Array) })
const snapshotRow = z.object({ bytes: z.instanceof(Uint8Array) })
const forkRow = z.object({
  author: authorIdSchema,
  epoch: z.int().min(0),
  seq: z.int().min(0),
  held: z.instanceof(Uint8Array),
  met: z.instanceof(Uint8Array)
})

/** `onLost` hears of what could not be saved; the ledger goes on without foreign feeds that could not. */
export function openFeedStore(path: string, onLost: (error: unknown) => void): FeedStore {
  const database = new DatabaseSync(path)
  // FULL: an own record must be on disk before peers see it, or a crash would make the author fork its feed.
  // Freed pages go back to the disk, or a compacted ledger would take as much room as before. It works on new files only.
  database.exec('PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(`
    CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, author TEXT NOT NULL, epoch INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS updates_of_feed ON updates (author, epoch);
    CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY CHECK (id = 0), bytes BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS forks (
      author TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, held BLOB NOT NULL, met BLOB NOT NULL, PRIMARY KEY (author, epoch)
    ) STRICT;
    ${META}`)
  const insert = database.prepare('INSERT INTO updates (author, epoch, bytes) VALUES (?, ?, ?)')
  const select = database.prepare('SELECT author, epoch, bytes FROM updates ORDER BY id')
  const remove = database.prepare('DELETE FROM updates WHERE author = ? AND epoch = ?')
  const putSnapshot = database.prepare('INSERT OR REPLACE INTO snapshot (id, bytes) VALUES (0, ?)')
  const selectSnapshot = database.prepare('SELECT bytes FROM snapshot')
  const putFork = database.prepare('INSERT OR REPLACE INTO forks (author, epoch, seq, held, met) VALUES (?, ?, ?, ?, ?)')
  const selectOwnFrom = database.prepare('SELECT own_from FROM meta')
  const selectForks = database.prepare('SELECT author, epoch, seq, held, met FROM forks')
  let open = true

  const write = async (change: () => unknown) => {
    try {
      change()
    } catch (cause) {
      const error = new PeerComputeError('STORE_FULL', `${path}: ${errorMessage(cause)}`, { cause })
      onLost(error)
      throw error
    }
  }

  return {
    load: async () => {
      const snapshot = selectSnapshot.get()
      return {
        feeds: select.all().map((row) => {
          const { author, epoch, bytes } = updateRow.parse(row)
          return { feed: { author, epoch }, update: bytes }
        }),
        snapshot: snapshot === undefined ? null : snapshotRow.parse(snapshot).bytes,
        forks: selectForks.all().map((row) => {
          const { author, epoch, ...proof } = forkRow.parse(row)
          return { feed: { author, epoch }, ...proof }
        }),
        ownFrom: Number(selectOwnFrom.get()?.['own_from'] ?? 0)
      }
    },
    save: ({ author, epoch }, update) => write(() => insert.run(author, epoch, update)),
    drop: ({ author, epoch }) => write(() => remove.run(author, epoch)),
    saveSnapshot: (_mark, encoded) => write(() => putSnapshot.run(encoded)),
    saveFork: ({ feed, seq, held, met }) => write(() => putFork.run(feed.author, feed.epoch, seq, held, met)),
    close() {
      if (!open) return
      open = false
      database.close()
    }
  }
}

/** For a copy that is older than what peers may hold: own feeds go on in `epoch` or later, never in one that may be longer elsewhere. */
export function beginNewEpochs(path: string, epoch: number): void {
  const database = new DatabaseSync(path)
  try {
    database.exec(META)
    database.prepare('INSERT OR REPLACE INTO meta (id, own_from) VALUES (0, ?)').run(epoch)
  } finally {
    database.close()
  }
}
