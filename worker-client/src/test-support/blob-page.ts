/** The page of tests and benchmarks of blobs between browsers: a peer with the store of a real volunteer, and nothing else. */
import { sha256 } from '@noble/hashes/sha2.js'
import { BLOB_CHUNK_BYTES, toHex, type BlobRef, type ContentHash } from '@peercompute/job-specs'
import { createClientNode, dialPeers, fetchFromPeers, serveBlobs, superviseRelay, type PeerNode } from '@peercompute/p2p'
import { createBlobStore } from '../blobs/blob-store.ts'
import { createIdbBlobDisk } from '../blobs/idb-blob-disk.ts'

const store = createBlobStore({ disk: createIdbBlobDisk() })
let started: PeerNode | undefined

function node(): PeerNode {
  if (started === undefined) throw new Error('The page has not started')
  return started
}

/** The same bytes for the same seed (xorshift32), a chunk at a time. */
function* randomChunks(bytes: number, seed: number): Generator<Uint8Array> {
  let state = seed | 1
  for (let done = 0; done < bytes; done += BLOB_CHUNK_BYTES) {
    const words = new Uint32Array(BLOB_CHUNK_BYTES / 4)
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[i] = state
    }
    yield new Uint8Array(words.buffer, 0, Math.min(BLOB_CHUNK_BYTES, bytes - done))
  }
}

const page = {
  /** Joins through these relays, looks for direct connections, and serves what the store holds. Returns the own PeerId. */
  async start(relays: string[]): Promise<string> {
    ;({ node: started } = await createClientNode({ relays }))
    superviseRelay(started, relays)
    dialPeers(started)
    await serveBlobs(started, store)
    return started.peerId.toString()
  },
  /** How this peer is connected to another: the remote addresses of direct connections. */
  paths(peer: string): string[] {
    return node()
      .getConnections()
      .filter(({ remotePeer, limits }) => remotePeer.toString() === peer && limits === undefined)
      .map(({ remoteAddr }) => remoteAddr.toString())
  },
  /** Puts random bytes into the store; only the first `keep` of them when given, as a transfer does that broke off. */
  async make(bytes: number, seed: number, keep = bytes): Promise<BlobRef> {
    const hash = sha256.create()
    for (const chunk of randomChunks(bytes, seed)) hash.update(chunk)
    const ref: BlobRef = { sha256: toHex(hash.digest()) as ContentHash, bytes, chunkBytes: BLOB_CHUNK_BYTES }
    const writer = await store.writer(ref)
    for (const chunk of randomChunks(bytes, seed)) if (writer.length < keep) await writer.append(chunk)
    if (keep === bytes) await writer.commit()
    await writer.close()
    return ref
  },
  /** Fetches from one peer. Returns the milliseconds that it took, and the bytes that were there before. */
  async fetch(ref: BlobRef, peer: string): Promise<{ milliseconds: number; heldBefore: number }> {
    const startedAt = performance.now()
    const writer = await store.writer(ref)
    const heldBefore = writer.length
    const whole = await fetchFromPeers(node(), ref, writer, { signal: AbortSignal.timeout(120_000), peers: [peer] })
    await writer.close()
    if (!whole) throw new Error(`${writer.length} of ${ref.bytes} bytes came`)
    return { milliseconds: performance.now() - startedAt, heldBefore }
  },
  /** Hash of what lies in the store, read anew. */
  async hashOf(ref: BlobRef): Promise<string> {
    const hash = sha256.create()
    for (let at = 0; at < ref.bytes; at += BLOB_CHUNK_BYTES)
      hash.update(await store.read(ref.sha256, at, Math.min(BLOB_CHUNK_BYTES, ref.bytes - at)))
    return toHex(hash.digest())
  },
  remove: (ref: BlobRef): Promise<void> => store.remove(ref.sha256)
}
export type BlobPage = typeof page

Object.assign(globalThis, { blobPage: page })
