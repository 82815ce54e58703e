import { concat, PeerComputeError, type BlobRef, type Bytes } from '@peercompute/job-specs'
import { digestOf } from '../digest.ts'
import { coordinatorUrl } from '../network/coordinator-url.ts'
import { readChunks } from '../network/read-body.ts'

/** The largest blob at half a megabyte a second. */
const TRANSFER_TIMEOUT_MS = 600_000

/**
 * Bytes of a blob, checked against its id. Rejects with COORDINATOR_UNREACHABLE when the coordinator does not answer,
 * BLOB_NOT_FOUND when it has none, BLOB_MISMATCH when the bytes are others; never reads more than the id allows.
 */
export type FetchBlob = (ref: BlobRef) => Promise<Bytes>

export function createBlobClient(init: { readonly coordinator: string; readonly fetch: typeof globalThis.fetch }): FetchBlob {
  return async (ref) => {
    const response = await init
      .fetch(coordinatorUrl(init.coordinator, `blobs/${ref.sha256}`), { signal: AbortSignal.timeout(TRANSFER_TIMEOUT_MS) })
      .catch((cause: unknown) => {
        throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Cannot fetch blob ${ref.sha256}`, { cause })
      })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      if (response.status >= 500 || response.status === 429)
        throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Status ${response.status} for blob ${ref.sha256}`)
      throw new PeerComputeError('BLOB_NOT_FOUND', `Status ${response.status} for blob ${ref.sha256}`)
    }
    const bytes = await readAtMost(response.body, ref.bytes).catch((cause: unknown) => {
      if (cause instanceof PeerComputeError) throw cause
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `The transfer of blob ${ref.sha256} broke off`, { cause })
    })
    if (bytes.length !== ref.bytes || (await digestOf(bytes)) !== ref.sha256)
      throw new PeerComputeError('BLOB_MISMATCH', `Got ${bytes.length} other bytes for blob ${ref.sha256}`)
    return bytes
  }
}

/** Joins a body, and gives up as soon as it is longer than `limit` bytes: BLOB_MISMATCH. */
async function readAtMost(body: ReadableStream<Uint8Array>, limit: number): Promise<Bytes> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of readChunks(body)) {
    length += chunk.length
    if (length > limit) throw new PeerComputeError('BLOB_MISMATCH', `More than ${limit} bytes came`)
    chunks.push(chunk)
  }
  return concat(chunks)
}
