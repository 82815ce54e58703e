/** The whole ledger from the coordinator, by plain HTTP. */
import { concat, PeerComputeError } from '@peercompute/job-specs'
import { LEDGER_ANSWER_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { coordinatorUrl } from '../network/coordinator-url.ts'
import { readChunks } from '../network/read-body.ts'

/** Fetches a ledger file. `foldHash`: of what is held here. Null when that is what the file would hold, or when there is none. */
export type DownloadLedger = (foldHash: string, signal: AbortSignal) => Promise<Uint8Array | null>

/** `GET /api/v1/ledger`. Rejects with COORDINATOR_UNREACHABLE when it breaks off or is too large. */
export function ledgerDownload(coordinator: string, fetch: typeof globalThis.fetch): DownloadLedger {
  return async (foldHash, signal) => {
    const url = coordinatorUrl(coordinator, 'ledger')
    try {
      // Kept in the ledger's own store: in the browser's cache it would lie a second time.
      const response = await fetch(url, { signal, cache: 'no-store', headers: { 'if-none-match': `"${foldHash}"` } })
      if (!response.ok || response.body === null) {
        await response.body?.cancel()
        return null
      }
      const chunks: Uint8Array[] = []
      let bytes = 0
      for await (const chunk of readChunks(response.body)) {
        bytes += chunk.length
        if (bytes > LEDGER_ANSWER_MAX_BYTES) throw new Error(`More than ${LEDGER_ANSWER_MAX_BYTES} bytes`)
        chunks.push(chunk)
      }
      return concat(chunks)
    } catch (cause) {
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `No ledger comes from ${url}`, { cause })
    }
  }
}
