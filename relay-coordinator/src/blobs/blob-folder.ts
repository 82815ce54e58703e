/**
 * Content-addressed bytes in a folder: `ab/ab…` (64 hex characters). A name is always a checked hash, never what a client chose.
 * A file is there whole or not at all: temporary file, hash while writing, fsync, rename.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { BLOB_MAX_BYTES, contentHashSchema, PeerComputeError, type Bytes, type ContentHash } from '@peercompute/job-specs'
import { syncFolder } from '../config/atomic-file.ts'
import { errorCode, errorMessage } from '../config/error-code.ts'

export interface BlobFolder {
  /** Bytes of the blob, or null when it is not there. */
  size(sha256: ContentHash): Promise<number | null>
  /**
   * Stores the bytes if they hash to `sha256`. `maxBytes` is enforced while they arrive.
   * Throws BLOB_TOO_LARGE, BLOB_MISMATCH, STORE_FULL; whatever fails, nothing is left behind.
   */
  put(sha256: ContentHash, source: AsyncIterable<Uint8Array>, maxBytes?: number): Promise<{ created: boolean; bytes: number }>
  /** Bytes `start … end − 1`, by default all of them, read as fast as they are taken. Throws BLOB_NOT_FOUND. */
  stream(sha256: ContentHash, part?: { readonly start: number; readonly end: number }): Promise<{ bytes: number; body: Readable }>
  /** The whole blob in memory. Throws BLOB_NOT_FOUND, and BLOB_MISMATCH when the disk has changed it. */
  read(sha256: ContentHash): Promise<Bytes>
  /** The same at once: for small programs that a decision waits for. */
  readSync(sha256: ContentHash): Bytes
  /** Everything that is there. */
  list(): Promise<readonly ContentHash[]>
  /** What is not there stays away. Who reads it now reads it to its end. */
  remove(sha256: ContentHash): Promise<void>
}

/** Clears uploads that a killed process left behind. The folder must exist and be locked by the caller. */
export async function openBlobFolder(folder: string): Promise<BlobFolder> {
  const uploads = join(folder, 'uploads')
  await rm(uploads, { recursive: true, force: true })
  await mkdir(uploads, { recursive: true, mode: 0o700 })

  const pathOf = (sha256: ContentHash): string => {
    const checked = contentHashSchema.parse(sha256)
    return join(folder, checked.slice(0, 2), checked)
  }

  async function size(sha256: ContentHash): Promise<number | null> {
    try {
      return (await stat(pathOf(sha256))).size
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null
      throw error
    }
  }

  async function mustExist(sha256: ContentHash): Promise<number> {
    const bytes = await size(sha256)
    if (bytes === null) throw new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`)
    return bytes
  }

  return {
    size,

    async put(sha256, source, maxBytes = BLOB_MAX_BYTES) {
      const target = pathOf(sha256)
      const temporary = join(uploads, randomBytes(12).toString('hex'))
      try {
        const { bytes, digest } = await receive(temporary, source, Math.min(maxBytes, BLOB_MAX_BYTES))
        if (digest !== sha256) throw new PeerComputeError('BLOB_MISMATCH', `the ${bytes} bytes hash to ${digest}, announced was ${sha256}`)
        if ((await size(sha256)) !== null) {
          await rm(temporary)
          return { created: false, bytes }
        }
        await mkdir(join(target, '..'), { recursive: true, mode: 0o700 })
        await rename(temporary, target)
        await syncFolder(join(target, '..'))
        await syncFolder(folder)
        return { created: true, bytes }
      } catch (error) {
        await rm(temporary, { force: true })
        throw fromDisk(error)
      }
    },

    async stream(sha256, part) {
      const bytes = await mustExist(sha256)
      const { start, end } = part ?? { start: 0, end: bytes }
      return { bytes, body: end === start ? Readable.from([]) : createReadStream(pathOf(sha256), { start, end: end - 1 }) }
    },

    async read(sha256) {
      await mustExist(sha256)
      return unchanged(sha256, new Uint8Array(await readFile(pathOf(sha256))))
    },

    async list() {
      const names = await Promise.all(
        (await readdir(folder)).filter((prefix) => /^[0-9a-f]{2}$/.test(prefix)).map((prefix) => readdir(join(folder, prefix)))
      )
      return names.flat().flatMap((name) => {
        const parsed = contentHashSchema.safeParse(name)
        return parsed.success ? [parsed.data] : []
      })
    },

    remove: (sha256) => rm(pathOf(sha256), { force: true }),

    readSync(sha256) {
      try {
        return unchanged(sha256, new Uint8Array(readFileSync(pathOf(sha256))))
      } catch (error) {
        throw errorCode(error) === 'ENOENT' ? new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`) : error
      }
    }
  }
}

function unchanged(sha256: ContentHash, bytes: Bytes): Bytes {
  const digest = createHash('sha256').update(bytes).digest('hex')
  if (digest !== sha256) throw new PeerComputeError('BLOB_MISMATCH', `blob ${sha256} was changed on the disk`)
  return bytes
}

async function receive(path: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new PeerComputeError('BLOB_TOO_LARGE', `more than ${maxBytes} bytes arrived`)
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    await file.sync()
    return { bytes, digest: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

function fromDisk(error: unknown): unknown {
  const code = errorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT' ? new PeerComputeError('STORE_FULL', errorMessage(error), { cause: error }) : error
}
