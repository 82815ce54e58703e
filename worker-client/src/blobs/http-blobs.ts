/** Blobs from the coordinator over HTTP: the last resort, and the only one where no peer is connected. */
import { PeerComputeError, type BlobRef } from '@peercompute/job-specs'
import type { BlobSink } from '@peercompute/p2p'
import { backoffDelay, sleep, type Clock } from '@peercompute/p2p/time'
import { coordinatorUrl } from '../network/coordinator-url.ts'
import { readChunks } from '../network/read-body.ts'
import { RECONNECT_BACKOFF } from '../reconnect-backoff.ts'

/** Attempts in a row that bring nothing new. */
const TRIES = 3

export interface HttpBlobsInit {
  readonly coordinator: string
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly random: () => number
}

/** Fills the sink to its end and commits it. */
export type FetchOverHttp = (sink: BlobSink, signal: AbortSignal) => Promise<void>

/**
 * Goes on where the sink ends; what breaks off is resumed. Rejects with COORDINATOR_UNREACHABLE when the coordinator does not answer,
 * BLOB_NOT_FOUND when it has none, BLOB_MISMATCH when the bytes are others; never reads more than the id allows.
 */
export function createHttpBlobs({ coordinator, fetch, clock, random }: HttpBlobsInit): FetchOverHttp {
  async function request({ ref, length }: BlobSink, signal: AbortSignal): Promise<Response> {
    const headers = length === 0 ? {} : { range: `bytes=${length}-`, 'if-range': `"${ref.sha256}"` }
    try {
      return await fetch(coordinatorUrl(coordinator, `blobs/${ref.sha256}`), { signal, headers })
    } catch (cause) {
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Cannot fetch blob ${ref.sha256}`, { cause })
    }
  }

  /** Appends what one answer brings. Whatever breaks the transfer off, what came before is in the sink. */
  async function transfer(sink: BlobSink, signal: AbortSignal): Promise<void> {
    if (sink.length === sink.ref.bytes && sink.length > 0) return
    const response = await request(sink, signal)
    const body = await bodyOf(response, sink.ref)
    if (response.status !== 206 && sink.length > 0) await sink.reset()
    if (response.status === 206 && !startsAt(response, sink)) {
      await body.cancel()
      throw new PeerComputeError('BLOB_MISMATCH', `Another part of blob ${sink.ref.sha256} came than was asked for`)
    }
    try {
      for await (const chunk of readChunks(body)) await sink.append(chunk)
    } catch (cause) {
      if (cause instanceof PeerComputeError) throw cause
      throw new PeerComputeError('COORDINATOR_UNREACHABLE', `The transfer of blob ${sink.ref.sha256} broke off`, { cause })
    }
    if (sink.length < sink.ref.bytes)
      throw new PeerComputeError('BLOB_MISMATCH', `Only ${sink.length} bytes of blob ${sink.ref.sha256} came`)
  }

  async function transferAll(sink: BlobSink, signal: AbortSignal): Promise<void> {
    let most = sink.length
    for (let tries = 1; ; tries++) {
      try {
        await transfer(sink, signal)
        return
      } catch (error) {
        const brokeOff = error instanceof PeerComputeError && error.code === 'COORDINATOR_UNREACHABLE' && sink.length > 0
        if (sink.length > most) tries = 0
        most = Math.max(most, sink.length)
        if (!brokeOff || tries >= TRIES || signal.aborted) throw error
        await sleep(clock, backoffDelay(RECONNECT_BACKOFF, tries, random), signal)
      }
    }
  }

  return async (sink, signal) => {
    const resumed = sink.length > 0
    await transferAll(sink, signal)
    if (await sink.commit()) return
    // the beginning came from elsewhere and may be what is wrong
    if (resumed) {
      await transferAll(sink, signal)
      if (await sink.commit()) return
    }
    throw new PeerComputeError('BLOB_MISMATCH', `Got other bytes for blob ${sink.ref.sha256}`)
  }
}

async function bodyOf(response: Response, { sha256 }: BlobRef): Promise<ReadableStream<Uint8Array>> {
  if (response.ok && response.body !== null) return response.body
  await response.body?.cancel()
  if (response.status >= 500 || response.status === 429)
    throw new PeerComputeError('COORDINATOR_UNREACHABLE', `Status ${response.status} for blob ${sha256}`)
  throw new PeerComputeError(response.status === 416 ? 'BLOB_MISMATCH' : 'BLOB_NOT_FOUND', `Status ${response.status} for blob ${sha256}`)
}

function startsAt(response: Response, { length, ref }: BlobSink): boolean {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
  return Number(first) === length && Number(total) === ref.bytes
}
