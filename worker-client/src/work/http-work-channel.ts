/**
 * Work frames over `POST /api/v1/work`, for networks that let no WebSocket through. A request's frames are answered by the
 * response's frames. Requests know nothing of each other, so after the welcome each one begins with a hello that names the
 * session; the answer to that hello is dropped here. One request is under way at a time: what is sent meanwhile goes
 * together with the next, as far as a frame limit allows.
 */
import { concat, ERRORS, PeerComputeError, type Bytes, type ErrorCode } from '@peercompute/job-specs'
import { encodeFrame, FRAME_MEDIA_TYPE, FrameReader, WORK_FRAME_MAX_BYTES, type Frame } from '@peercompute/job-specs/protocol'
import type { Clock } from '@peercompute/p2p/time'
import { createAsyncQueue } from '../async-queue.ts'
import { coordinatorUrl } from '../network/coordinator-url.ts'
import { readChunks } from '../network/read-body.ts'
import type { WorkChannel } from './work-channel.ts'

/** A coordinator answers a request within its own time-outs; a proxy that holds it longer has lost it. */
const POST_TIMEOUT_MS = 30_000
/** Of one request, without the hello. A single frame may be longer. */
const BATCH_MAX_BYTES = 2_097_152
const BATCH_FRAMES_MAX = 32
/**
 * A host that computes long units has nothing to send for minutes, and a revocation must reach it within 10 s. One request of some
 * hundred bytes that touches nothing on a disk.
 */
export const POLL_MS = 4_000
/** Id of the hello that names the session. Its answer is told apart by it, so no other request may use it: ids count up from 0. */
const SESSION_HELLO_ID = 2 ** 32 - 1

interface Outgoing {
  readonly bytes: Bytes
  readonly sent: () => void
  readonly failed: (error: PeerComputeError) => void
}

export interface HttpWorkChannelInit {
  readonly coordinator: string
  readonly fetch: typeof globalThis.fetch
  /** With it the coordinator is asked every POLL_MS what it has to say; without, only when there is something to send. */
  readonly clock?: Clock
}

export function createHttpWorkChannel(init: HttpWorkChannelInit): WorkChannel {
  const url = coordinatorUrl(init.coordinator, 'work')
  const incoming = createAsyncQueue<Frame>()
  const closing = new AbortController()
  let outgoing: Outgoing[] = []
  let busy = false
  let hello: object | null = null
  let session: string | null = null
  let cancelPoll: () => void = () => undefined

  const fail = (error: PeerComputeError) => {
    closing.abort()
    cancelPoll()
    incoming.end(error)
    for (const waiting of outgoing) waiting.failed(error)
    outgoing = []
  }

  const receive = (frame: Frame) => {
    const { type, id, session: token } = fields(frame.message)
    if (id === SESSION_HELLO_ID) {
      if (type === 'welcome') return
      throw new PeerComputeError('HELLO_REQUIRED', 'The session has run out')
    }
    if (type === 'welcome' && typeof token === 'string') session = token
    incoming.push(frame)
  }

  const post = async (batch: readonly Outgoing[]) => {
    const introduction = hello === null || session === null ? [] : [encodeFrame({ ...hello, id: SESSION_HELLO_ID, session })]
    const response = await init.fetch(url, {
      method: 'POST',
      headers: { 'content-type': FRAME_MEDIA_TYPE, accept: FRAME_MEDIA_TYPE },
      body: concat([...introduction, ...batch.map(({ bytes }) => bytes)]),
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(POST_TIMEOUT_MS)])
    })
    if (!response.ok) throw await problemOf(response)
    const reader = new FrameReader(WORK_FRAME_MAX_BYTES)
    if (response.body !== null) for await (const chunk of readChunks(response.body)) reader.push(chunk).forEach(receive)
    if (reader.incomplete) throw new PeerComputeError('FRAME_INVALID', 'The last frame of the answer is cut off')
  }

  /** `poll`: also when there is nothing to send. */
  const pump = async (poll = false) => {
    if (busy) return
    busy = true
    cancelPoll()
    try {
      for (let polling = poll; polling || outgoing.length > 0; polling = false) {
        const batch = takeBatch(outgoing)
        outgoing = outgoing.slice(batch.length)
        try {
          await post(batch)
        } catch (cause) {
          const error =
            cause instanceof PeerComputeError ? cause : new PeerComputeError('COORDINATOR_UNREACHABLE', `POST ${url} failed`, { cause })
          for (const lost of batch) lost.failed(error)
          fail(error)
          return
        }
        for (const done of batch) done.sent()
      }
    } finally {
      busy = false
      if (session !== null && !closing.signal.aborted) cancelPoll = init.clock?.schedule(POLL_MS, () => void pump(true)) ?? cancelPoll
    }
  }

  return {
    send(message, attachment) {
      if (closing.signal.aborted) return Promise.reject(new PeerComputeError('COORDINATOR_UNREACHABLE', 'The channel is closed'))
      const { type, id: _id, proof: _proof, ...rest } = fields(message)
      if (type === 'hello') hello = { type, ...rest }
      const { promise, resolve, reject }: PromiseWithResolvers<void> = Promise.withResolvers()
      outgoing.push({ bytes: encodeFrame(message, attachment), sent: resolve, failed: reject })
      void pump()
      return promise
    },
    frames: incoming,
    async close() {
      fail(new PeerComputeError('COORDINATOR_UNREACHABLE', 'This host closed the channel'))
    }
  }
}

function takeBatch(outgoing: readonly Outgoing[]): readonly Outgoing[] {
  let bytes = 0
  const end = outgoing.findIndex((next, index) => (bytes += next.bytes.length) > BATCH_MAX_BYTES || index === BATCH_FRAMES_MAX)
  return outgoing.slice(0, end === -1 ? outgoing.length : Math.max(1, end))
}

function fields(message: unknown): Record<string, unknown> {
  return typeof message === 'object' && message !== null ? { ...message } : {}
}

async function problemOf(response: Response): Promise<PeerComputeError> {
  const problem: unknown = await response.json().catch(() => null)
  const { code, detail } = fields(problem)
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code)
  return new PeerComputeError(
    known ? (code as ErrorCode) : 'COORDINATOR_UNREACHABLE',
    typeof detail === 'string' ? detail.slice(0, 1000) : `Status ${response.status}`
  )
}
