/** Opening the database file: durability settings, migrations, and a look at whether it is whole. */
import { DatabaseSync } from 'node:sqlite'
import { PeerComputeError } from '@peercompute/job-specs'
import { errorMessage } from '../config/error-code.ts'
import { MIGRATIONS } from './schema.ts'
import { storeError, transaction } from './transaction.ts'

/** Up to here the whole file is checked at the start (about a second on a disk of today); beyond it, only its frame. */
export const QUICK_CHECK_MAX_BYTES = 2 ** 30

/** Throws DATA_FOLDER_UNWRITABLE, STORE_DAMAGED, STORE_TOO_NEW, STORE_FULL. */
export function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(file)
    // Results and credit are acknowledged: FULL, so that a committed transaction survives a power cut.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000')
    check(database, file)
    migrate(database, file)
    return database
  } catch (cause) {
    database?.close()
    const known = storeError(cause, file)
    if (known instanceof PeerComputeError) throw known
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `the database ${file} cannot be opened: ${errorMessage(cause)}`, { cause })
  }
}

/** A number that a PRAGMA answers. */
export function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

function check(database: DatabaseSync, file: string): void {
  const bytes = pragma(database, 'page_count') * pragma(database, 'page_size')
  // Reads the schema, whatever the size.
  database.prepare('SELECT COUNT(*) FROM sqlite_schema').get()
  if (bytes > QUICK_CHECK_MAX_BYTES) return
  const [answer] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})
  if (answer !== 'ok') throw new PeerComputeError('STORE_DAMAGED', `${file}: ${String(answer)}`)
}

function migrate(database: DatabaseSync, file: string): void {
  const version = pragma(database, 'user_version')
  if (version > MIGRATIONS.length)
    throw new PeerComputeError(
      'STORE_TOO_NEW',
      `${file} has version ${version} of the tables, and this program knows them up to ${MIGRATIONS.length}`
    )
  for (const [n, statements] of MIGRATIONS.entries()) {
    if (n < version) continue
    transaction(database, () => {
      database.exec(`${statements}; PRAGMA user_version = ${n + 1}`)
    })
  }
}
