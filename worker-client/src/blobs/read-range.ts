import { BLOB_CHUNK_BYTES, PeerComputeError, type Bytes } from '@peercompute/job-specs'

/** The chunk of BLOB_CHUNK_BYTES with this index; the last one may be shorter. */
export type ReadChunk = (index: number) => Promise<Bytes | undefined>

/** Bytes of a blob that lies in chunks; the chunk itself when it is just that. Rejects with BLOB_NOT_FOUND when some are missing. */
export async function readChunks(chunkAt: ReadChunk, offset: number, length: number): Promise<Bytes> {
  const out = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const at = offset + done
    const chunk = await chunkAt(Math.floor(at / BLOB_CHUNK_BYTES))
    const from = at % BLOB_CHUNK_BYTES
    if (chunk === undefined || chunk.length <= from) throw new PeerComputeError('BLOB_NOT_FOUND', `No bytes at ${at}`)
    const part = chunk.subarray(from, Math.min(chunk.length, from + length - done))
    if (part.length === length) return part
    out.set(part, done)
    done += part.length
  }
  return out
}
