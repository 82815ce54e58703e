/**
 * Copies everything that a coordinator must not lose, while it runs: the feeds first, so that no copy of the ledger says more than the
 * copy of the database; then the database as it is at one moment, and the files that it names. Whatever is interrupted leaves no
 * folder that looks like a backup.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { contentHashSchema, coordinatorCertificateSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'
import { syncFolder, writeFileAtomically } from '../config/atomic-file.ts'
import { errorCode, errorMessage } from '../config/error-code.ts'
import { damaged } from '../store/segment-format.ts'
import { segmentRows } from '../store/segment-shelf.ts'
import { segmentName } from '../store/segment-writer.ts'
import { settledRanges } from '../store/settled-ranges.ts'
import { storeError } from '../store/transaction.ts'
import { VERSION } from '../version.ts'
import { copyDatabase } from './copy-database.ts'
import { copyFileHashed, hashFile } from './copy-file.ts'
import { BLOBS_NAME, DATABASE_NAME, dataLayout, FEEDS_NAME, KEYS_NAME, SEGMENTS_NAME } from '../config/data-layout.ts'
import { MANIFEST_NAME, type Manifest, type ManifestFile } from './manifest.ts'

export type BackupPart = 'ledger' | 'database' | 'segments' | 'blobs' | 'keys'

export interface BackupInit {
  /** Data folder of the coordinator, which may be running. */
  readonly dataDir: string
  /** Must not exist. */
  readonly to: string
  /** Epoch ms. */
  readonly now: number
  readonly signal: AbortSignal
  /** `share`: of this part, from 0 to 1. */
  readonly onProgress?: (part: BackupPart, share: number) => void
}

export interface Backup extends Manifest {
  /** What could not be copied and is not in the backup, in sentences. */
  readonly warnings: readonly string[]
}

/** Throws DATA_FOLDER_UNWRITABLE, STORE_DAMAGED, STORE_FULL; rejects with the signal's reason. Nothing is left behind then. */
export async function backup(init: BackupInit): Promise<Backup> {
  const to = resolve(init.to)
  if (existsSync(to)) throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${to} exists already; a backup is written to a new folder`)
  if (!existsSync(dataLayout(init.dataDir).database))
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `${init.dataDir} holds no coordinator: there is no ${DATABASE_NAME}`)
  const temporary = `${to}.${randomBytes(6).toString('hex')}.partial`
  try {
    await mkdir(temporary, { recursive: true, mode: 0o700 })
    const made = await copyAll(init, temporary)
    const { warnings: _warnings, ...manifest } = made
    await writeFileAtomically(join(temporary, MANIFEST_NAME), `${JSON.stringify(manifest, null, 1)}\n`)
    await rename(temporary, to)
    await syncFolder(dirname(to))
    return made
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (init.signal.aborted || error instanceof PeerComputeError) throw error
    const code = errorCode(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new PeerComputeError('STORE_FULL', errorMessage(error), { cause: error })
    const known = storeError(error, init.dataDir)
    if (known instanceof PeerComputeError) throw known
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', errorMessage(error), { cause: error })
  }
}

async function copyAll({ dataDir, now, signal, onProgress = () => undefined }: BackupInit, to: string): Promise<Backup> {
  const [from, target] = [dataLayout(dataDir), dataLayout(to)]
  const files: ManifestFile[] = []
  const warnings: string[] = []
  const database = async (name: string, source: string, copy: string, part: BackupPart) => {
    await copyDatabase(source, copy, signal, (share) => {
      onProgress(part, share)
    })
    await syncFile(copy)
    files.push({ path: name, ...(await hashFile(copy, signal)) })
  }
  const copy = async (path: string, expected?: string): Promise<boolean> => {
    const copied = await copyFileHashed(join(dataDir, path), join(to, path), signal)
    if (expected !== undefined && copied.sha256 !== expected) return false
    files.push({ path, ...copied })
    return true
  }

  if (existsSync(from.feeds)) await database(FEEDS_NAME, from.feeds, target.feeds, 'ledger')
  await database(DATABASE_NAME, from.database, target.database, 'database')
  const { segments, jobs, settledUnits } = readCopy(target.database)

  for (const [index, { job, no, sha256 }] of segments.entries()) {
    const path = `${SEGMENTS_NAME}/${segmentName(job, no, sha256)}`
    if (!(await copy(path, sha256))) throw damaged(join(dataDir, path), 'its bytes are not those that were written')
    onProgress('segments', (index + 1) / segments.length)
  }
  const blobs = await blobNames(from.blobs)
  for (const [index, name] of blobs.entries()) {
    const path = `${BLOBS_NAME}/${name.slice(0, 2)}/${name}`
    if (!(await copy(path, name))) {
      await rm(join(to, path))
      warnings.push(`The blob ${name} was changed on the disk and is not in the backup.`)
    }
    onProgress('blobs', (index + 1) / blobs.length)
  }
  const keys = await plainFiles(from.keys)
  for (const [index, name] of keys.entries()) {
    await copy(`${KEYS_NAME}/${name}`)
    onProgress('keys', (index + 1) / keys.length)
  }
  for (const folder of await foldersBelow(to)) await syncFolder(folder)
  const root = await rootOf(join(target.keys, 'operational.json'))
  return { v: 1, program: VERSION, at: now, root, jobs, settledUnits, files, warnings }
}

function readCopy(file: string) {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return {
      segments: segmentRows(database),
      jobs: Number(database.prepare('SELECT COUNT(*) AS jobs FROM jobs').get()?.['jobs']),
      settledUnits: settledRanges(database).reduce((sum, { count }) => sum + count, 0)
    }
  } finally {
    database.close()
  }
}

/** Names of the blobs that are there whole. */
async function blobNames(folder: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name))
      for (const name of await readdir(join(folder, entry.name)))
        if (contentHashSchema.safeParse(name).success && name.startsWith(entry.name)) names.push(name)
  return names.sort()
}

async function plainFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isFile() && !/^\.|\.tmp$/.test(entry.name)).map(({ name }) => name)
}

async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return [folder, ...entries.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))]
}

async function rootOf(path: string): Promise<Manifest['root']> {
  try {
    return z.object({ certificate: coordinatorCertificateSchema }).parse(JSON.parse(await readFile(path, 'utf8'))).certificate.root
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${path}: it is damaged`, { cause })
  }
}

async function syncFile(path: string): Promise<void> {
  const { open } = await import('node:fs/promises')
  await using file = await open(path, 'r+')
  await file.sync()
}
