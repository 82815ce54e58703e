import { CHECKPOINT_HANDED_MAX_BYTES, concat, PeerComputeError, type Bytes, type ContentHash } from '@peercompute/job-specs'
import { digestOf } from '../digest.ts'
import { coordinatorUrl } from '../network/coordinator-url.ts'
import { readChunks } from '../network/read-body.ts'

const FETCH_TIMEOUT_MS = 120_000

/**
 * Another host's saved state, checked against its hash. Rejects with COORDINATOR_UNREACHABLE, BLOB_NOT_FOUND when it is gone, BLOB_MISMATCH
 * when the bytes are others; never reads more than a state may have.
 */
export async function fetchCheckpoint(coordinator: string, fetch: typeof globalThis.fetch, sha256: ContentHash): Promise<Bytes> {
  const response = await fetch(coordinatorUrl(coordinator, `blobs/${sha256}`), { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) }).catch(
    (cause: unknown) => {
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Cannot fetch checkpoint ${sha256}`, { cause })
    }
  )
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new PeerComputeError('BLOB_NOT_FOUND', `Status ${response.status} for checkpoint ${sha256}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of readChunks(response.body)) {
    bytes += chunk.length
    if (bytes > CHECKPOINT_HANDED_MAX_BYTES) throw new PeerComputeError('BLOB_MISMATCH', `Checkpoint ${sha256} is too large`)
    chunks.push(chunk)
  }
  const state = concat(chunks)
  if ((await digestOf(state)) !== sha256) throw new PeerComputeError('BLOB_MISMATCH', `Got other bytes for checkpoint ${sha256}`)
  return state
}
