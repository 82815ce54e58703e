/**
 * The work protocol from the host's side, over one channel.
 *
 *   introducing   hello sent; the challenge must carry a certificate of the pinned root, then the signed hello goes out
 *   open          requests are matched to answers by id; `stop` and `nudge` come unasked
 *   ended         once, for one reason; every open request is rejected with COORDINATOR_UNREACHABLE, whose cause is that reason
 *
 * A coordinator that breaks the protocol (garbage, an answer to a question never asked, an answer of the wrong kind) ends the
 * session: what else it says cannot be relied on. An answer that comes after its request was given up is only ignored.
 */
import {
  PeerComputeError,
  verifyCoordinatorCertificate,
  ERRORS,
  type AuthorId,
  type ErrorCode,
  type HostDescription,
  type JobId,
  type ReasonCode,
  type Report,
  type ReportAnswer,
  type RootId
} from '@peercompute/job-specs'
import {
  coordinatorMessageSchema,
  signHello,
  WORK_VERSION_MAX,
  WORK_VERSION_MIN,
  HELLO_TIMEOUT_MS,
  type CoordinatorMessage,
  type Frame,
  type HostMessage
} from '@peercompute/job-specs/protocol'
import { sleep, type Clock } from '@peercompute/p2p/time'
import type { Identity } from '../identity/identity.ts'
import { solveProofOfWork } from './solve-proof-of-work.ts'
import type { WorkChannel } from './work-channel.ts'

/** A coordinator that is silent for so long is gone: everything that it must do for an answer is one transaction. */
export const REQUEST_TIMEOUT_MS = 20_000
/** A state of some megabytes takes its time on a slow line. */
const CHECKPOINT_TIMEOUT_MS = 120_000
const CAPABILITIES = ['cancel', 'renew', 'proof-of-work', 'checkpoint']

type Answer<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>
type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never
type Request = WithoutId<HostMessage>
export type AskRequest = Omit<Extract<HostMessage, { type: 'ask' }>, 'type' | 'id' | 'proofOfWork'>
export type CheckpointName = Omit<Extract<HostMessage, { type: 'checkpoint' }>, 'type' | 'id'>
export type LeaseName = { readonly job: JobId; readonly epoch: number }

export interface WorkSessionInit {
  readonly channel: WorkChannel
  readonly identity: Identity
  readonly host: HostDescription
  readonly pinnedRoot: RootId
  readonly clock: Clock
  /** `epoch`: only that lease of the job. */
  readonly onStop: (job: JobId, why: ReasonCode, epoch?: number) => void
  readonly onNudge: () => void
}

export interface WorkSession {
  /** The coordinator's key that the pinned root certifies; admissions are signed by it. */
  readonly operational: AuthorId
  readonly capabilities: ReadonlySet<string>
  /** Smoothed time from a request to its answer. */
  readonly roundTripMs: number
  ask(request: AskRequest): Promise<Answer<'work'>>
  report(report: Report, values: Uint8Array): Promise<readonly { unit: number; answer: ReportAnswer }[]>
  renew(leases: readonly LeaseName[]): Promise<readonly (LeaseName & { durationMs: number })[]>
  release(lease: LeaseName): Promise<void>
  /** Hands over a saved state; whether the coordinator keeps it. */
  checkpoint(name: CheckpointName, state: Uint8Array): Promise<boolean>
  /** Resolves when the session is over, with the reason. */
  readonly ended: Promise<PeerComputeError>
  close(): Promise<void>
}

interface OpenRequest {
  readonly expected: string
  readonly settle: (message: CoordinatorMessage) => void
  readonly fail: (error: PeerComputeError) => void
}

/**
 * Introduces this host. Rejects with COORDINATOR_UNTRUSTED (not the pinned root's coordinator), PROTOCOL_UNSUPPORTED,
 * HELLO_INVALID, FRAME_INVALID, TIMEOUT, or COORDINATOR_UNREACHABLE when the channel closes.
 */
export async function openWorkSession(init: WorkSessionInit): Promise<WorkSession> {
  const { channel, clock } = init
  const open = new Map<number, OpenRequest>()
  let nextId = 0
  let welcomed = false
  let endedBy: PeerComputeError | null = null
  let roundTripMs = 0
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<PeerComputeError>()

  const end = (error: PeerComputeError) => {
    if (endedBy !== null) return
    endedBy = error
    for (const request of open.values()) request.fail(error)
    open.clear()
    channel.close().catch(() => undefined)
    resolveEnded(error)
  }

  const request = async <T extends CoordinatorMessage['type']>(
    body: Request,
    expected: T,
    timeoutMs: number,
    attachment?: Uint8Array
  ): Promise<Answer<T>> => {
    if (endedBy !== null) throw unreachable(endedBy)
    const id = nextId++
    const answered = new AbortController()
    const { promise, resolve, reject } = Promise.withResolvers<CoordinatorMessage>()
    open.set(id, {
      expected,
      settle: resolve,
      fail: (error) => {
        reject(welcomed ? unreachable(error) : error)
      }
    })
    const sentAt = clock.now()
    sleep(clock, timeoutMs, answered.signal).then(
      () => {
        end(new PeerComputeError('TIMEOUT', `No answer to "${body.type}" within ${timeoutMs} ms`))
      },
      () => undefined
    )
    channel.send({ ...body, id }, attachment).catch((cause: unknown) => {
      end(closedError(cause))
    })
    try {
      const message = await promise
      roundTripMs = roundTripMs === 0 ? clock.now() - sentAt : roundTripMs * 0.8 + (clock.now() - sentAt) * 0.2
      if (message.type === 'error') throw refusal(message)
      if (!isAnswer(message, expected)) throw new PeerComputeError('FRAME_INVALID', `"${message.type}" came where "${expected}" was due`)
      return message
    } finally {
      open.delete(id)
      answered.abort()
    }
  }

  const receive = ({ message }: Frame) => {
    const parsed = coordinatorMessageSchema.safeParse(message)
    if (!parsed.success) {
      end(new PeerComputeError('FRAME_INVALID', 'The coordinator sent a message that the protocol does not know', { cause: parsed.error }))
      return
    }
    const said = parsed.data
    if (said.type === 'stop') {
      if (welcomed) init.onStop(said.job, said.why, said.epoch)
    } else if (said.type === 'nudge') {
      if (welcomed) init.onNudge()
    } else {
      const asked = open.get(said.id)
      if (asked === undefined) {
        if (said.id >= nextId) end(new PeerComputeError('FRAME_INVALID', `An answer to request ${said.id}, which was never made`))
      } else if (said.type !== asked.expected && said.type !== 'error') {
        end(new PeerComputeError('FRAME_INVALID', `"${said.type}" came where "${asked.expected}" was due`))
      } else if (welcomed && said.type === 'error' && isCuredByIntroduction(said.code)) {
        // It no longer knows this host (it restarted, or the HTTP session ran out), or no longer the task that it had set.
        end(refusal(said))
      } else {
        asked.settle(said)
      }
    }
  }

  const read = async () => {
    try {
      for await (const frame of channel.frames) {
        receive(frame)
        if (endedBy !== null) return
      }
      end(new PeerComputeError('COORDINATOR_UNREACHABLE', 'The coordinator closed the connection'))
    } catch (cause) {
      end(closedError(cause))
    }
  }
  void read()

  const introduction = {
    type: 'hello' as const,
    minVersion: WORK_VERSION_MIN,
    maxVersion: WORK_VERSION_MAX,
    capabilities: CAPABILITIES,
    certificate: init.identity.certificate,
    host: init.host
  }
  try {
    const { challenge, certificate } = await request(introduction, 'challenge', HELLO_TIMEOUT_MS)
    if (!(await verifyCoordinatorCertificate(certificate, init.pinnedRoot))) {
      throw new PeerComputeError('COORDINATOR_UNTRUSTED', `Its certificate is of root ${certificate.root}, pinned is ${init.pinnedRoot}`)
    }
    const sig = await signHello(init.identity.host, certificate.root, challenge)
    const welcome = await request({ ...introduction, proof: { challenge, sig } }, 'welcome', HELLO_TIMEOUT_MS)
    if (welcome.version < WORK_VERSION_MIN || welcome.version > WORK_VERSION_MAX) {
      throw new PeerComputeError(
        'PROTOCOL_UNSUPPORTED',
        `The coordinator chose version ${welcome.version}, offered were ${WORK_VERSION_MIN} to ${WORK_VERSION_MAX}`
      )
    }
    welcomed = true
    const gone = new AbortController()
    void ended.then((error) => {
      gone.abort(unreachable(error))
    })
    /** Until an ask has been answered. */
    let task = welcome.proofOfWork
    let solving: Promise<number> | null = null
    const ask = async (asked: AskRequest): Promise<Answer<'work'>> => {
      if (task !== undefined) solving ??= solveProofOfWork(task, init.identity.certificate.host, clock, gone.signal)
      const proofOfWork = solving === null ? {} : { proofOfWork: await solving }
      const answer = await request({ type: 'ask', ...asked, ...proofOfWork }, 'work', REQUEST_TIMEOUT_MS)
      task = undefined
      solving = null
      return answer
    }
    return {
      operational: certificate.operational,
      capabilities: new Set(welcome.capabilities),
      get roundTripMs() {
        return roundTripMs
      },
      ask,
      report: async (report, values) => (await request({ type: 'report', report }, 'ack', REQUEST_TIMEOUT_MS, values)).answers,
      renew: async (leases) =>
        (await request({ type: 'renew', leases: leases.map(({ job, epoch }) => ({ job, epoch })) }, 'renewed', REQUEST_TIMEOUT_MS)).leases,
      release: async ({ job, epoch }) => {
        await request({ type: 'release', job, epoch }, 'released', REQUEST_TIMEOUT_MS)
      },
      checkpoint: async (name, state) =>
        (await request({ type: 'checkpoint', ...name }, 'checkpointed', CHECKPOINT_TIMEOUT_MS, state)).kept,
      ended,
      close: async () => {
        end(new PeerComputeError('COORDINATOR_UNREACHABLE', 'This host closed the session'))
        await channel.close()
      }
    }
  } catch (error) {
    const reason = error instanceof PeerComputeError ? error : closedError(error)
    end(reason)
    throw reason
  }
}

function isAnswer<T extends CoordinatorMessage['type']>(message: CoordinatorMessage, type: T): message is Answer<T> {
  return message.type === type
}

function isCuredByIntroduction(code: string): boolean {
  return code.startsWith('HELLO_') || code === 'PROOF_OF_WORK_REQUIRED'
}

function refusal(message: Answer<'error'>): PeerComputeError {
  const known = Object.hasOwn(ERRORS, message.code)
  return new PeerComputeError(
    known ? (message.code as ErrorCode) : 'INTERNAL',
    known ? message.detail : `${message.code}: ${message.detail}`
  )
}

function unreachable(cause: PeerComputeError): PeerComputeError {
  return cause.code === 'COORDINATOR_UNREACHABLE'
    ? cause
    : new PeerComputeError('COORDINATOR_UNREACHABLE', 'The session ended before the answer', { cause })
}

function closedError(cause: unknown): PeerComputeError {
  return cause instanceof PeerComputeError ? cause : new PeerComputeError('COORDINATOR_UNREACHABLE', 'The connection broke', { cause })
}
