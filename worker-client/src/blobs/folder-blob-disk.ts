import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { contentHashSchema, PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import { isMissing } from '../storage/is-missing.ts'
import type { BlobDisk, KeptBlob } from './blob-disk.ts'

const PARTIAL = '.part'

/** One file a blob, named by its hash; `<hash>.part` until it is whole. */
export function createFolderBlobDisk(folder: string): BlobDisk {
  const wholeOf = (sha256: ContentHash) => join(folder, contentHashSchema.parse(sha256))
  const partOf = (sha256: ContentHash) => wholeOf(sha256) + PARTIAL
  return {
    async load() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const kept: (KeptBlob & { at: number })[] = []
      for (const name of await readdir(folder)) {
        const sealed = !name.endsWith(PARTIAL)
        const sha256 = contentHashSchema.safeParse(sealed ? name : name.slice(0, -PARTIAL.length))
        if (!sha256.success) continue
        const { size, mtimeMs } = await stat(join(folder, name))
        kept.push({ sha256: sha256.data, held: size, sealed, at: mtimeMs })
      }
      return kept.sort((a, b) => a.at - b.at)
    },
    async read(sha256, offset, length) {
      const file = await open(wholeOf(sha256)).catch((error: unknown) => {
        if (isMissing(error)) return open(partOf(sha256))
        throw error
      })
      try {
        const out = new Uint8Array(length)
        for (let done = 0; done < length;) {
          const { bytesRead } = await file.read(out, done, length - done, offset + done)
          if (bytesRead === 0) throw new PeerComputeError('BLOB_NOT_FOUND', `Blob ${sha256} has no bytes at ${offset + done}`)
          done += bytesRead
        }
        return out
      } finally {
        await file.close()
      }
    },
    async append(sha256, offset, bytes) {
      const file = await open(partOf(sha256), offset === 0 ? 'w' : 'r+', 0o600)
      try {
        // what a killed process left behind the last whole chunk is written over
        for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
        await file.truncate(offset + bytes.length)
      } catch (error) {
        throw isFull(error) ? new PeerComputeError('STORE_FULL', `No room for blob ${sha256}`, { cause: error }) : error
      } finally {
        await file.close()
      }
    },
    async seal(sha256) {
      const file = await open(partOf(sha256), 'a', 0o600)
      try {
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(partOf(sha256), wholeOf(sha256))
    },
    async remove(sha256) {
      await rm(partOf(sha256), { force: true })
      await rm(wholeOf(sha256), { force: true })
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
