/**
 * The work protocol as request and response: each request starts with a hello. The first one is answered by a challenge, the
 * second by a welcome with a session, and from then on the session stands in for the proof. What a stream would be told unasked
 * comes with the next response. A host that has not called for SESSION_IDLE_MS is gone.
 */
import { PeerComputeError, toBase64Url } from '@peercompute/job-specs'
import type { CoordinatorMessage, Frame, HostMessage } from '@peercompute/job-specs/protocol'
import { errorMessageFor, readHostMessage, requestIdOf } from './host-messages.ts'
import type { HostSession } from './host-sessions.ts'
import type { Hello } from './introductions.ts'
import { createTokenBucket } from './token-bucket.ts'
import { createUselessBudget, USELESS_PER_SECOND } from './useless-budget.ts'
import { REQUESTS_BURST, REQUESTS_PER_SECOND, type StreamComponents } from './work-streams.ts'

export const SESSION_IDLE_MS = 120_000
const SESSION_BYTES = 32
const FRAMES_MAX = 64
const UNASKED_MAX = 256

interface HttpSession {
  readonly id: string
  readonly session: HostSession
  readonly unasked: CoordinatorMessage[]
  readonly bucket: ReturnType<typeof createTokenBucket>
  cancelExpiry: () => void
}

export interface WorkOverHttp {
  /** One answer for each frame, in order, then what is to be said unasked. Throws FRAME_INVALID for a request without frames. */
  handleFrames(frames: readonly Frame[], subnet: string): Promise<readonly CoordinatorMessage[]>
  /** Ends all sessions; their leases go back. */
  close(): Promise<void>
}

export function createWorkOverHttp(components: StreamComponents): WorkOverHttp {
  const { introductions, sessions, answerRequest, clock, metrics, onFault } = components
  const open = new Map<string, HttpSession>()
  /** By host: a new session is a hello away. */
  const useless = createUselessBudget(clock)

  async function end(http: HttpSession): Promise<void> {
    http.cancelExpiry()
    open.delete(http.id)
    await sessions.leave(http.session).catch(onFault)
  }

  function touch(http: HttpSession): void {
    http.cancelExpiry()
    http.cancelExpiry = clock.schedule(SESSION_IDLE_MS, () => {
      void end(http)
    })
  }

  function createSession(host: HostSession['host']): HttpSession {
    const unasked: CoordinatorMessage[] = []
    const http: HttpSession = {
      id: toBase64Url(crypto.getRandomValues(new Uint8Array(SESSION_BYTES))),
      unasked,
      cancelExpiry: () => undefined,
      bucket: createTokenBucket(REQUESTS_PER_SECOND, REQUESTS_BURST, clock),
      session: {
        host,
        push(message) {
          const repeated = message.type === 'nudge' && unasked.some(({ type }) => type === 'nudge')
          if (!repeated && unasked.length < UNASKED_MAX) unasked.push(message)
        },
        superseded: () => {
          void end(http)
        }
      }
    }
    open.set(http.id, http)
    return http
  }

  async function greet(hello: Hello, subnet: string): Promise<{ answer: CoordinatorMessage; http: HttpSession | null }> {
    metrics.message('hello')
    const known = hello.session === undefined ? undefined : open.get(hello.session)
    if (known !== undefined && known.session.host === hello.certificate.host)
      return { answer: introductions.welcome(hello, known.id), http: known }
    if (hello.proof === undefined) return { answer: introductions.challenge(hello), http: null }
    const connected = await introductions.accept(hello, hello.proof, subnet)
    const http = createSession(connected.host)
    await sessions.join(http.session, connected)
    return { answer: introductions.welcome(hello, http.id), http }
  }

  async function answer(http: HttpSession | null, message: Exclude<HostMessage, Hello>, frame: Frame): Promise<CoordinatorMessage> {
    if (http === null) throw new PeerComputeError('HELLO_REQUIRED', `a message of type ${message.type} came before the hello was accepted`)
    if (!http.bucket.take()) throw new PeerComputeError('RATE_LIMITED', `more than ${REQUESTS_PER_SECOND} messages a second`)
    if (!useless.take(http.session.host))
      throw new PeerComputeError('RATE_LIMITED', `more than ${USELESS_PER_SECOND} messages a second that led to nothing`)
    const said = await answerRequest(http.session, message, frame.attachment)
    useless.answered(http.session.host, said)
    return said
  }

  return {
    async handleFrames(frames, subnet) {
      if (frames.length === 0 || frames.length > FRAMES_MAX)
        throw new PeerComputeError('FRAME_INVALID', `a request holds 1 to ${FRAMES_MAX} frames, this one ${frames.length}`)
      const answers: CoordinatorMessage[] = []
      let http: HttpSession | null = null
      for (const frame of frames) {
        try {
          const message = readHostMessage(frame)
          if (message.type === 'hello') {
            if (answers.length > 0) throw new PeerComputeError('REQUEST_INVALID', 'a request has one hello, its first frame')
            const greeted = await greet(message, subnet)
            http = greeted.http
            answers.push(greeted.answer)
          } else answers.push(await answer(http, message, frame))
        } catch (cause) {
          const error = cause instanceof PeerComputeError ? cause : onFault(cause)
          metrics.refused(error.code)
          answers.push(errorMessageFor(requestIdOf(frame), error))
        }
      }
      if (http !== null && open.has(http.id)) {
        touch(http)
        answers.push(...http.unasked.splice(0))
      }
      return answers
    },

    async close() {
      await Promise.all([...open.values()].map(end))
    }
  }
}
