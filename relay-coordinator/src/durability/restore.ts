/**
 * Makes a data folder from a backup. Between the backup and now the coordinator may have given leases and written records that
 * nobody here knows of: leases are numbered from far beyond, and its feeds go on in a new epoch, so that nothing is said twice.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PeerComputeError } from '@peercompute/job-specs'
import { syncFolder } from '../config/atomic-file.ts'
import { errorCode, errorMessage } from '../config/error-code.ts'
import { beginNewEpochs } from '../ledger/feed-store.ts'
import { segmentRows } from '../store/segment-shelf.ts'
import { segmentName } from '../store/segment-writer.ts'
import { copyFileHashed } from './copy-file.ts'
import { BLOBS_NAME, DATABASE_NAME, dataLayout, FEEDS_NAME, KEYS_NAME, SEGMENTS_NAME } from '../config/data-layout.ts'
import { MANIFEST_NAME, readManifest, type Manifest } from './manifest.ts'

/** More leases than a job can have been given between a backup and the loss of what came after it. */
const EPOCHS_SKIPPED = 1_000_000_000

export interface RestoreInit {
  /** The backup. */
  readonly from: string
  /** Must not exist or be empty. */
  readonly dataDir: string
  /** Epoch ms. */
  readonly now: number
  readonly signal: AbortSignal
  /** `share`: of all files, from 0 to 1. */
  readonly onProgress?: (share: number) => void
}

/** Throws BACKUP_INVALID, DATA_FOLDER_UNWRITABLE, STORE_FULL; rejects with the signal's reason. Nothing is left behind then. */
export async function restore({ from, dataDir, now, signal, onProgress = () => undefined }: RestoreInit): Promise<Manifest> {
  const to = resolve(dataDir)
  const manifest = await readManifest(join(from, MANIFEST_NAME))
  const paths = new Set(manifest.files.map(({ path }) => path))
  for (const needed of [DATABASE_NAME, `${KEYS_NAME}/operational.json`])
    if (!paths.has(needed)) throw new PeerComputeError('BACKUP_INVALID', `${from} has no ${needed}`)
  await mustBeEmpty(to)
  const temporary = `${to}.${randomBytes(6).toString('hex')}.partial`
  try {
    await mkdir(temporary, { recursive: true, mode: 0o700 })
    for (const folder of [KEYS_NAME, BLOBS_NAME, SEGMENTS_NAME]) await mkdir(join(temporary, folder), { mode: 0o700 })
    for (const [index, { path, bytes, sha256 }] of manifest.files.entries()) {
      const copied = await copyFileHashed(join(from, path), join(temporary, path), signal).catch((cause: unknown) => {
        throw errorCode(cause) === 'ENOENT' ? new PeerComputeError('BACKUP_INVALID', `${join(from, path)} is missing`, { cause }) : cause
      })
      if (copied.sha256 !== sha256 || copied.bytes !== bytes)
        throw new PeerComputeError('BACKUP_INVALID', `${join(from, path)} has been changed since the backup was made`)
      onProgress((index + 1) / manifest.files.length)
    }
    moveOn(temporary, paths, from, now)
    await replaceEmpty(temporary, to)
    return manifest
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (signal.aborted || error instanceof PeerComputeError) throw error
    const code = errorCode(error)
    throw new PeerComputeError(code === 'ENOSPC' || code === 'EDQUOT' ? 'STORE_FULL' : 'DATA_FOLDER_UNWRITABLE', errorMessage(error), {
      cause: error
    })
  }
}

async function mustBeEmpty(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  let entries: string[]
  try {
    entries = await readdir(folder)
  } catch (cause) {
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${folder}: ${errorMessage(cause)}`, { cause })
  }
  if (entries.length > 0)
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${folder} is not empty; a backup is restored into a new folder`)
}

async function replaceEmpty(temporary: string, to: string): Promise<void> {
  if (existsSync(to)) await rmdir(to)
  await rename(temporary, to)
  await syncFolder(dirname(to))
}

/** Makes sure that nothing is used a second time that the coordinator may have used after the backup. */
function moveOn(folder: string, paths: ReadonlySet<string>, from: string, now: number): void {
  const layout = dataLayout(folder)
  const database = new DatabaseSync(layout.database)
  try {
    for (const { job, no, sha256 } of segmentRows(database))
      if (!paths.has(`${SEGMENTS_NAME}/${segmentName(job, no, sha256)}`))
        throw new PeerComputeError('BACKUP_INVALID', `${from} lacks the segment ${segmentName(job, no, sha256)}`)
    // Of ended jobs, too: units may have been reopened since.
    database.prepare('UPDATE jobs SET next_epoch = next_epoch + ?').run(EPOCHS_SKIPPED)
  } finally {
    database.close()
  }
  if (paths.has(FEEDS_NAME)) beginNewEpochs(layout.feeds, Math.floor(now / 1_000))
}
