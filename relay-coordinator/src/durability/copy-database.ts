/** A consistent copy of a database that another process goes on writing to. */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'

/** 4 MB at a time. */
const PAGES_PER_STEP = 1_024

/** `share`: from 0 to 1. Rejects with the signal's reason; the file `to` is of no use then. */
export async function copyDatabase(from: string, to: string, signal: AbortSignal, onShare: (share: number) => void): Promise<void> {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  // SQLite would make it readable for others.
  closeSync(openSync(to, 'wx', 0o600))
  const source = new DatabaseSync(from, { readOnly: true })
  try {
    // One moment for the whole copy: without it every commit of the other process would begin the copy anew.
    source.exec('BEGIN')
    source.prepare('SELECT COUNT(*) FROM sqlite_schema').get()
    await backup(source, to, {
      rate: PAGES_PER_STEP,
      progress: ({ totalPages, remainingPages }) => {
        signal.throwIfAborted()
        onShare(totalPages === 0 ? 1 : 1 - remainingPages / totalPages)
      }
    })
    signal.throwIfAborted()
  } finally {
    source.close()
  }
  const copy = new DatabaseSync(to)
  try {
    // One file, without a log beside it.
    copy.exec('PRAGMA journal_mode = DELETE')
  } finally {
    copy.close()
  }
}
