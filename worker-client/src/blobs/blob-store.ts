/**
 * Blobs that this host holds: whole and checked ones, which it computes with and serves to others, and the beginnings of such that it
 * is fetching. A budget holds: the least recently used give way.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { BLOB_CHUNK_BYTES, PeerComputeError, toHex, type BlobRef, type Bytes, type ContentHash } from '@peercompute/job-specs'
import type { BlobSink, BlobSource } from '@peercompute/p2p'
import type { BlobDisk } from './blob-disk.ts'

export const BLOB_STORE_MAX_BYTES = 536_870_912

export interface BlobStore extends BlobSource {
  /** Bytes of a blob that is whole; using it makes it the last to give way. */
  size(sha256: ContentHash): Promise<number | null>
  read(sha256: ContentHash, offset: number, length: number): Promise<Bytes>
  /** Goes on where an earlier writer of this blob ended. One writer a blob. Rejects with STORE_FULL when it is larger than the budget. */
  writer(ref: BlobRef): Promise<BlobWriter>
  remove(sha256: ContentHash): Promise<void>
  /** Drops what is not in the set, except what is being written. */
  retain(wanted: ReadonlySet<ContentHash>): Promise<void>
  /** Hashes of what is held, beginnings included. */
  held(): Promise<ContentHash[]>
}

export interface BlobWriter extends BlobSink {
  /** Ends the writing; what was appended is kept for the next writer. */
  close(): Promise<void>
}

interface Entry {
  bytes: number
  sealed: boolean
  writing: boolean
}

export function createBlobStore(init: { readonly disk: BlobDisk; readonly maxBytes?: number }): BlobStore {
  const { disk, maxBytes = BLOB_STORE_MAX_BYTES } = init
  let loading: Promise<Map<ContentHash, Entry>> | undefined
  /** In the order of use, the oldest first. `bytes`: what it takes, or will take while it is written. */
  const entries = (): Promise<Map<ContentHash, Entry>> => {
    loading ??= disk.load().then((kept) => new Map(kept.map((blob) => [blob.sha256, entryOf(blob)])))
    loading.catch(() => {
      loading = undefined
    })
    return loading
  }

  async function drop(sha256: ContentHash): Promise<void> {
    ;(await entries()).delete(sha256)
    await disk.remove(sha256)
  }

  async function makeRoom(): Promise<void> {
    const all = await entries()
    let total = [...all.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    for (const [oldest, { bytes, writing }] of [...all]) {
      if (total <= maxBytes) return
      if (writing) continue
      total -= bytes
      await drop(oldest)
    }
    if (total > maxBytes) throw new PeerComputeError('STORE_FULL', `Blobs being written take ${total} bytes, ${maxBytes} are allowed`)
  }

  return {
    async size(sha256) {
      const all = await entries()
      const entry = all.get(sha256)
      if (entry?.sealed !== true) return null
      touch(all, sha256, entry)
      return entry.bytes
    },
    read: (sha256, offset, length) => disk.read(sha256, offset, length),
    async writer(ref) {
      const all = await entries()
      const before = all.get(ref.sha256)
      if (before?.writing === true || before?.sealed === true)
        throw new PeerComputeError('INTERNAL', `Blob ${ref.sha256} is ${before.sealed ? 'here' : 'being written'} already`)
      const entry: Entry = { bytes: ref.bytes, sealed: false, writing: true }
      touch(all, ref.sha256, entry)
      const close = async (held: number): Promise<void> => {
        entry.writing = false
        entry.bytes = held
        if (held === 0 && !entry.sealed) await drop(ref.sha256)
      }
      try {
        await makeRoom()
        return await openWriter(disk, ref, before?.bytes ?? 0, (sealed, held) => {
          entry.sealed = sealed
          return close(held)
        })
      } catch (error) {
        await close(before?.bytes ?? 0)
        throw error
      }
    },
    remove: drop,
    async retain(wanted) {
      for (const [sha256, { writing }] of [...(await entries())]) if (!writing && !wanted.has(sha256)) await drop(sha256)
    },
    held: async () => [...(await entries()).keys()]
  }
}

function entryOf({ held, sealed }: { readonly held: number; readonly sealed: boolean }): Entry {
  return { bytes: held, sealed, writing: false }
}

/** Hashes what is appended, and hands it to the disk in whole chunks. */
async function openWriter(
  disk: BlobDisk,
  ref: BlobRef,
  held: number,
  onClose: (sealed: boolean, held: number) => Promise<void>
): Promise<BlobWriter> {
  let hash = sha256.create()
  let length = 0
  /** Bytes at the end that fill no chunk yet. */
  let rest: Uint8Array = new Uint8Array(0)
  let sealed = false

  // a beginning that cannot be right, or cannot be read, is no beginning
  const usable = held > ref.bytes ? 0 : held - (held % BLOB_CHUNK_BYTES)
  try {
    for (; length < usable; length += BLOB_CHUNK_BYTES) hash.update(await disk.read(ref.sha256, length, BLOB_CHUNK_BYTES))
  } catch {
    length = 0
    hash = sha256.create()
  }
  if (length === 0 && held > 0) await disk.remove(ref.sha256)

  async function reset(): Promise<void> {
    length = 0
    rest = new Uint8Array(0)
    hash = sha256.create()
    await disk.remove(ref.sha256)
  }

  return {
    ref,
    get length() {
      return length
    },
    async append(bytes) {
      if (length + bytes.length > ref.bytes)
        throw new PeerComputeError('BLOB_MISMATCH', `${length + bytes.length} bytes for a blob of ${ref.bytes}`)
      hash.update(bytes)
      for (let done = 0; done < bytes.length;) {
        const part = bytes.subarray(done, done + BLOB_CHUNK_BYTES - rest.length)
        const chunk = rest.length === 0 ? part : joined(rest, part)
        const end = length + part.length
        if (chunk.length === BLOB_CHUNK_BYTES || end === ref.bytes) {
          await disk.append(ref.sha256, end - chunk.length, chunk)
          rest = new Uint8Array(0)
        } else {
          rest = chunk === part ? part.slice() : chunk
        }
        length = end
        done += part.length
      }
    },
    reset,
    async commit() {
      if (length === ref.bytes && toHex(hash.clone().digest()) === ref.sha256) {
        if (ref.bytes === 0) await disk.append(ref.sha256, 0, new Uint8Array(0))
        await disk.seal(ref.sha256)
        sealed = true
        return true
      }
      await reset()
      return false
    },
    close: () => onClose(sealed, length - rest.length)
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + tail.length)
  out.set(head)
  out.set(tail, head.length)
  return out
}

/** Makes the entry the youngest: a Map iterates in the order of insertion. */
function touch<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
}
