/** The data folder: everything that a coordinator must not lose, and the lock that keeps a second one out. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PeerComputeError } from '@peercompute/job-specs'
import { dataLayout } from './data-layout.ts'
import { errorCode, errorMessage } from './error-code.ts'

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
 * Throws DATA_FOLDER_UNWRITABLE, DATA_FOLDER_LOCKED.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const layout = dataLayout(path)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await probe(path)
    for (const folder of [layout.keys, layout.blobs, layout.segments, layout.checkpoints]) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await probe(folder)
    }
  } catch (cause) {
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${path}: ${errorMessage(cause)}`, { cause })
  }
  const unlock = await lock(path)
  for (const file of [layout.database, layout.feeds]) await makePrivate(file)
  return { path, ...layout, release: unlock }
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
async function lock(path: string): Promise<() => Promise<void>> {
  const pidFile = join(path, 'coordinator.pid')
  const database = new DatabaseSync(join(path, 'lock.sqlite'))
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!/locked|busy/i.test(errorMessage(cause)))
      throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${path}: ${errorMessage(cause)}`, { cause })
    throw new PeerComputeError('DATA_FOLDER_LOCKED', `${path} is held by ${await holder(pidFile)}`, { cause })
  }
  await writeFile(pidFile, `${process.pid}\n`)
  let held = true
  return async () => {
    if (!held) return
    held = false
    await rm(pidFile, { force: true })
    database.close()
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
