/**
 * One host's stream, from the first frame to the last. States: `greeting` (only hello is understood, within HELLO_TIMEOUT_MS),
 * then `working` (requests run side by side, so that they share a transaction), then closed. Whatever happens to the
 * stream, the host's leases go back once.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import { HELLO_TIMEOUT_MS, type CoordinatorMessage, type Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import type { WorkMetrics } from '../metrics/metrics.ts'
import { endsTheStream, errorMessageFor, readHostMessage, requestIdOf } from './host-messages.ts'
import type { HostSession, HostSessions } from './host-sessions.ts'
import type { Hello, Introductions } from './introductions.ts'
import type { AnswerRequest } from './requests.ts'
import { createTokenBucket } from './token-bucket.ts'

/** Work streams that one connection may hold; one is used. */
export const WORK_STREAMS_PER_CONNECTION = 8
/** Requests of one host that are answered at the same time; further frames wait in the transport. */
export const REQUESTS_IN_FLIGHT_MAX = 16
/** Of one host. A faster one is read no faster: what it sends waits in the transport, and in the end with itself. */
export const REQUESTS_PER_SECOND = 200
export const REQUESTS_BURST = 400
/** A host that is too fast is looked at again after this time. */
const PACE_MS = 20

export interface StreamComponents {
  readonly introductions: Introductions
  readonly sessions: HostSessions
  readonly answerRequest: AnswerRequest
  readonly clock: Clock
  readonly metrics: WorkMetrics
  /** An error that is no expected refusal, with what was being done. */
  readonly onFault: (error: unknown) => PeerComputeError
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(PACE_MS, resolve)
  })
}

/** Serves the stream until it ends. `subnet` is where the host's address lies. Never rejects. */
export async function serveWorkStream(channel: FrameChannel, subnet: string, components: StreamComponents): Promise<void> {
  const { introductions, sessions, answerRequest, clock, metrics, onFault } = components
  const inFlight = new Set<Promise<void>>()
  const bucket = createTokenBucket(REQUESTS_PER_SECOND, REQUESTS_BURST, clock)
  const state: { session: HostSession | null; closed: boolean } = { session: null, closed: false }

  const close = (): void => {
    if (state.closed) return
    state.closed = true
    channel.close().catch(onFault)
  }

  /** A host that no longer listens is noticed by its stream's end, not here. */
  const send = async (message: CoordinatorMessage): Promise<void> => {
    if (!state.closed) await channel.send(message).catch(close)
  }

  const refuse = async (id: number, cause: unknown): Promise<void> => {
    const error = cause instanceof PeerComputeError ? cause : onFault(cause)
    metrics.refused(error.code)
    await send(errorMessageFor(id, error))
    if (endsTheStream(error.code)) close()
  }

  const greet = async (hello: Hello): Promise<CoordinatorMessage> => {
    metrics.message('hello')
    if (hello.proof === undefined) return introductions.challenge(hello)
    const connected = await introductions.accept(hello, hello.proof, subnet)
    if (state.session !== null && state.session.host !== connected.host)
      throw new PeerComputeError('HELLO_INVALID', 'another host has introduced itself on this stream')
    state.session ??= {
      host: connected.host,
      push: (message) => {
        void send(message)
      },
      superseded: close
    }
    await sessions.join(state.session, connected)
    return introductions.welcome(hello, '')
  }

  const handle = async (frame: Frame): Promise<void> => {
    try {
      const message = readHostMessage(frame)
      if (message.type === 'hello') {
        await send(await greet(message))
        return
      }
      if (state.session === null) throw new PeerComputeError('HELLO_REQUIRED', `a message of type ${message.type} came before the hello`)
      await send(await answerRequest(state.session, message, frame.attachment))
    } catch (error) {
      await refuse(requestIdOf(frame), error)
    }
  }

  const cancelDeadline = clock.schedule(HELLO_TIMEOUT_MS, () => {
    if (state.session === null) void refuse(0, new PeerComputeError('HELLO_REQUIRED', `no hello within ${HELLO_TIMEOUT_MS} ms`))
  })

  try {
    for await (const frame of channel.frames) {
      while (!bucket.take() && !state.closed) await pause(clock)
      if (state.closed) break
      const handled = handle(frame)
      // Until the host is known its frames are taken one by one: they depend on each other.
      if (state.session === null) {
        await handled
        continue
      }
      inFlight.add(handled)
      void handled.then(() => inFlight.delete(handled))
      if (inFlight.size >= REQUESTS_IN_FLIGHT_MAX) await Promise.race(inFlight)
    }
  } catch (error) {
    // A broken transport needs no answer; a frame that is none gets one before the stream closes.
    if (error instanceof PeerComputeError && endsTheStream(error.code)) await refuse(0, error)
  } finally {
    cancelDeadline()
    await Promise.all(inFlight)
    close()
    if (state.session !== null) await sessions.leave(state.session).catch(onFault)
  }
}
