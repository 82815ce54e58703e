import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import { BLOB_CHUNK_BYTES, PeerComputeError, type Bytes, type ContentHash } from '@peercompute/job-specs'
import { readChunks } from './read-range.ts'
import type { BlobDisk, KeptBlob } from './blob-disk.ts'

interface BlobDatabase extends DBSchema {
  /** What is kept, by hash; `at` orders it. */
  blobs: { key: string; value: KeptBlob & { readonly at: number } }
  /** One record a chunk: a blob of many megabytes never lies in memory. */
  chunks: { key: [sha256: string, index: number]; value: Bytes }
}

/** Blobs in an IndexedDB database of their own. */
export function createIdbBlobDisk(databaseName = 'peercompute'): BlobDisk {
  let opened: Promise<IDBPDatabase<BlobDatabase>> | undefined
  const database = (): Promise<IDBPDatabase<BlobDatabase>> => {
    opened ??= openDB<BlobDatabase>(`${databaseName}-blobs`, 1, {
      upgrade(created) {
        created.createObjectStore('blobs')
        created.createObjectStore('chunks')
      },
      blocking: (_current, _blocked, event) => {
        ;(event.target as IDBDatabase | null)?.close()
        opened = undefined
      },
      terminated() {
        opened = undefined
      }
    })
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }

  return {
    async load() {
      const kept = await (await database()).getAll('blobs')
      return kept.sort((a, b) => a.at - b.at).map(({ sha256, held, sealed }) => ({ sha256, held, sealed }))
    },
    async read(sha256, offset, length) {
      const store = (await database()).transaction('chunks').store
      return readChunks((index) => store.get([sha256, index]), offset, length)
    },
    async append(sha256, offset, bytes) {
      const write = (await database()).transaction(['blobs', 'chunks'], 'readwrite', { durability: 'relaxed' })
      try {
        await Promise.all([
          // a copy: a view would be stored with the whole buffer behind it
          write.objectStore('chunks').put(bytes.slice(), [sha256, offset / BLOB_CHUNK_BYTES]),
          write.objectStore('blobs').put({ sha256, held: offset + bytes.length, sealed: false, at: Date.now() }, sha256),
          write.done
        ])
      } catch (error) {
        throw isFull(error) ? new PeerComputeError('STORE_FULL', `No room for blob ${sha256}`, { cause: error }) : error
      }
    },
    async seal(sha256) {
      const write = (await database()).transaction('blobs', 'readwrite')
      const kept = await write.store.get(sha256)
      await write.store.put({ sha256, held: kept?.held ?? 0, sealed: true, at: Date.now() }, sha256)
      await write.done
    },
    async remove(sha256) {
      const write = (await database()).transaction(['blobs', 'chunks'], 'readwrite')
      await write.objectStore('blobs').delete(sha256)
      await write.objectStore('chunks').delete(chunksOf(sha256))
      await write.done
    }
  }
}

function chunksOf(sha256: ContentHash): IDBKeyRange {
  return IDBKeyRange.bound([sha256, 0], [sha256, Number.MAX_SAFE_INTEGER])
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError'
}
