/** Gets blobs from wherever they are: the own store, then peers, then the coordinator. What came is kept, and served to others. */
import { BLOB_CHUNK_BYTES, PeerComputeError, type BlobRef, type Bytes, type ContentHash } from '@peercompute/job-specs'
import { digestOf } from '../digest.ts'
import type { PeerNetwork } from '../network/peer-network.ts'
import { createBlobStore, type BlobStore } from './blob-store.ts'
import { createHttpBlobs, type HttpBlobsInit } from './http-blobs.ts'
import { createMemoryBlobDisk } from './memory-blob-disk.ts'
import { joinPeers, type FetchFromPeers } from './peer-blobs.ts'
import { createTurns } from './turns.ts'

/** The largest blob at half a megabyte a second. */
const TRANSFER_TIMEOUT_MS = 600_000
/** Peers allow one connection the streams of four. */
const FETCHES_AT_ONCE = 4

/**
 * Bytes of a blob, checked against its id. Rejects with COORDINATOR_UNREACHABLE when neither a peer nor the coordinator answers,
 * BLOB_NOT_FOUND when nobody has it, BLOB_MISMATCH when the bytes are others; never reads more than the id allows.
 */
export type FetchBlob = (ref: BlobRef) => Promise<Bytes>

export interface BlobClient {
  readonly fetch: FetchBlob
  /** From now on the peers of this network are asked first, and served. */
  join(network: Pick<PeerNetwork, 'node'>): Promise<void>
}

export function createBlobClient(init: HttpBlobsInit & { readonly store: BlobStore }): BlobClient {
  const { store } = init
  const overHttp = createHttpBlobs(init)
  const turn = createTurns(FETCHES_AT_ONCE)
  /** The latest fetch of each blob: one after the other. */
  const last = new Map<ContentHash, Promise<unknown>>()
  let fromPeers: FetchFromPeers = () => Promise.resolve(false)

  async function fetchInto(into: BlobStore, ref: BlobRef): Promise<Bytes> {
    const signal = AbortSignal.timeout(TRANSFER_TIMEOUT_MS)
    const writer = await into.writer(ref)
    try {
      if (!(await fromPeers(writer, signal))) await overHttp(writer, signal)
    } catch (cause) {
      if (!signal.aborted) throw cause
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Blob ${ref.sha256} did not come in ${TRANSFER_TIMEOUT_MS} ms`, { cause })
    } finally {
      await writer.close()
    }
    return readAll(into, ref).catch((cause: unknown) => {
      throw new PeerComputeError('STORE_FULL', `Blob ${ref.sha256} had to give way at once`, { cause })
    })
  }

  async function obtain(ref: BlobRef): Promise<Bytes> {
    const held = await readHeld(store, ref)
    if (held !== null) return held
    try {
      return await fetchInto(store, ref)
    } catch (error) {
      if (isAnswer(error)) throw error
      // a full or broken disk keeps nobody from computing
      return fetchInto(createBlobStore({ disk: createMemoryBlobDisk() }), ref)
    }
  }

  return {
    fetch(ref) {
      const before = last.get(ref.sha256) ?? Promise.resolve()
      const task = before.then(() => turn(() => obtain(ref)))
      const settled = task.catch(() => undefined)
      last.set(ref.sha256, settled)
      void settled.then(() => {
        if (last.get(ref.sha256) === settled) last.delete(ref.sha256)
      })
      return task
    },
    async join(network) {
      fromPeers = await joinPeers(network, store)
    }
  }
}

/** What others said, not what this machine's disk did. */
function isAnswer(error: unknown): boolean {
  return error instanceof PeerComputeError && ['COORDINATOR_UNREACHABLE', 'BLOB_NOT_FOUND', 'BLOB_MISMATCH'].includes(error.code)
}

/** Null when it is not held, or the disk has changed or lost it. */
async function readHeld(store: BlobStore, ref: BlobRef): Promise<Bytes | null> {
  const size = await store.size(ref.sha256).catch(() => null)
  if (size === null) return null
  if (size !== ref.bytes) throw new PeerComputeError('BLOB_MISMATCH', `Blob ${ref.sha256} has ${size} bytes, not ${ref.bytes}`)
  const bytes = await readAll(store, ref).catch(() => null)
  if (bytes !== null && (await digestOf(bytes)) === ref.sha256) return bytes
  await store.remove(ref.sha256).catch(() => undefined)
  return null
}

async function readAll(store: BlobStore, { sha256, bytes }: BlobRef): Promise<Bytes> {
  const out = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += BLOB_CHUNK_BYTES) out.set(await store.read(sha256, at, Math.min(BLOB_CHUNK_BYTES, bytes - at)), at)
  return out
}
