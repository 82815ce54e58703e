/** Transactions of the embedded store, and what SQLite's errors mean to whoever asked. */
import type { DatabaseSync } from 'node:sqlite'
import { PeerComputeError } from '@peercompute/job-specs'
import { errorMessage } from '../config/error-code.ts'

const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
/** The shared memory beside the log cannot grow: on Linux only a full disk does that. */
const SQLITE_IOERR_SHMSIZE = 4_874

/** Runs in one transaction. Throws STORE_FULL or STORE_DAMAGED; nothing of it has happened then. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  try {
    database.exec('BEGIN IMMEDIATE')
    const answer = work()
    database.exec('COMMIT')
    return answer
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw storeError(cause, 'the database')
  }
}

/**
 * The same without waiting for the disk: for what may happen again after a power cut. A later durable transaction makes this one
 * durable, too.
 */
export function relaxedTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('PRAGMA synchronous = NORMAL')
  try {
    return transaction(database, work)
  } finally {
    database.exec('PRAGMA synchronous = FULL')
  }
}

/** `place`: what is named in the sentence. Everything that is not understood is passed on as it is. */
export function storeError(cause: unknown, place: string): unknown {
  const code = cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' ? cause.errcode : 0
  if ((code & 0xff) === SQLITE_FULL || code === SQLITE_IOERR_SHMSIZE)
    return new PeerComputeError('STORE_FULL', 'the disk of the data folder is full', { cause })
  if ((code & 0xff) === SQLITE_CORRUPT || (code & 0xff) === SQLITE_NOTADB)
    return new PeerComputeError('STORE_DAMAGED', `${place} cannot be read: ${errorMessage(cause)}`, { cause })
  return cause
}
