/** The data folder: everything that a coordinator must not lose, and the lock that keeps a second one out. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PeerComputeError } from '@peercompute/job-specs'
import { dataLayout } from './data-layout.ts'
import { errorCode, errorMessage } from './error-code.ts'

const PID_NAME = 'coordinator.pid'

export interface DataFolder {
  readonly path: string
  readonly keys: string
  readonly blobs: string
  readonly segments: string
  readonly checkpoints: string
  readonly database: string
  readonly feeds: string
  /** Gives the lock back. Idempotent. */
  release(): Promise<void>
}

/**
 * Creates the folder (mode 0700) when it is missing and locks it.
 * Throws DATA_FOLDER_UNWRITABLE, DATA_FOLDER_LOCKED; nothing stays locked then.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const layout = dataLayout(path)
  await writable(path, () => mkdir(path, { recursive: true, mode: 0o700 }))
  const database = await lock(path)
  const pidFile = join(path, PID_NAME)
  let held = true
  const release = async () => {
    if (!held) return
    held = false
    await rm(pidFile, { force: true }).finally(() => {
      database.close()
    })
  }
  try {
    // Behind the lock, so that two that start at once do not take each other's probes away.
    await writable(path, async () => {
      await writeFile(pidFile, `${process.pid}\n`)
      await probe(path)
      for (const folder of [layout.keys, layout.blobs, layout.segments, layout.checkpoints]) {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await probe(folder)
      }
      for (const file of [layout.database, layout.feeds]) await makePrivate(file)
    })
  } catch (error) {
    await release().catch(() => undefined) // What went wrong first is what the caller must hear.
    throw error
  }
  return { path, ...layout, release }
}

async function writable(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${path}: ${errorMessage(cause)}`, { cause })
  }
}

/** Before SQLite opens it: the files beside a database get its mode. It holds hashes of tokens, and who asked for what. */
async function makePrivate(file: string): Promise<void> {
  await writeFile(file, '', { flag: 'a', mode: 0o600 })
  await chmod(file, 0o600)
}

async function probe(folder: string): Promise<void> {
  const file = join(folder, '.write-probe')
  await writeFile(file, '')
  await rm(file)
}

/**
 * The lock is SQLite's own: an exclusive transaction on an empty database. The kernel drops it with the process, however
 * that died, so there is no stale lock to recognise and no process id to be reused by another program.
 */
async function lock(path: string): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, 'lock.sqlite'))
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (cause) {
    database?.close()
    if (!/locked|busy/i.test(errorMessage(cause)))
      throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${path}: ${errorMessage(cause)}`, { cause })
    throw new PeerComputeError('DATA_FOLDER_LOCKED', `${path} is held by ${await holder(join(path, PID_NAME))}`, { cause })
  }
}

/** For the message only; the lock does not depend on it. */
async function holder(pidFile: string): Promise<string> {
  try {
    return `process ${(await readFile(pidFile, 'utf8')).trim()}`
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'a process that is starting' : 'another process'
  }
}
