/** What an introduced host may ask for, answered by the coordinator. Shared by streams and HTTP. */
import { PeerComputeError, verifyReport, type JobId } from '@peercompute/job-specs'
import type { CoordinatorMessage, HostMessage, LeasedJob } from '@peercompute/job-specs/protocol'
import type { Coordinator } from '../coordinator.ts'
import type { WorkMetrics } from '../metrics/metrics.ts'
import type { Admit } from './admissions.ts'
import type { HostSession, HostSessions } from './host-sessions.ts'
import type { ProofOfWork } from './proof-of-work.ts'

export type HostRequest = Exclude<HostMessage, { type: 'hello' }>
type Of<T extends HostRequest['type']> = Extract<HostRequest, { type: T }>

export interface RequestComponents {
  readonly coordinator: Coordinator
  readonly admit: Admit
  readonly sessions: HostSessions
  readonly proofOfWork: ProofOfWork
  readonly metrics: WorkMetrics
}

export type AnswerRequest = (session: HostSession, request: HostRequest, attachment: Uint8Array) => Promise<CoordinatorMessage>

/** Throws PeerComputeError for what is refused. */
export function createRequests({ coordinator, admit, sessions, proofOfWork, metrics }: RequestComponents): AnswerRequest {
  /** Signatures of each host that are being checked. */
  const checking = new WeakMap<HostSession, Promise<unknown>>()

  /**
   * What a host asks for is decided after what it reported before: it is chosen with that in mind, and one transaction and one write take
   * both.
   */
  function inTurn(session: HostSession, check: Promise<boolean>): Promise<boolean> {
    const before = checking.get(session)
    const turn = before === undefined ? check : before.then(() => check)
    checking.set(session, turn)
    return turn
  }

  async function ask(session: HostSession, request: Of<'ask'>): Promise<CoordinatorMessage> {
    const { id, executor, units, seconds, knownJobs } = request
    proofOfWork.check(session.host, request.proofOfWork)
    const moment = sessions.moment()
    const { leases, retryAfterMs, why } = await coordinator.ask(session.host, { executor, units, seconds, knownJobs })
    const leased = new Set(leases.map((lease) => lease.job))
    sessions.asked(session, [...leased], moment, why === 'lease_limit')
    const jobs = await Promise.all([...leased].filter((job) => !knownJobs.includes(job)).map(admitted))
    return { type: 'work', id, leases: [...leases], jobs, retryAfterMs, ...(why === undefined ? {} : { why }) }
  }

  async function admitted(job: JobId): Promise<LeasedJob> {
    const signed = coordinator.signedSpec(job)
    if (signed === undefined) throw new PeerComputeError('INTERNAL', `job ${job} was leased and is not known`)
    return admit(job, signed)
  }

  async function report(session: HostSession, { id, report: body }: Of<'report'>, attachment: Uint8Array): Promise<CoordinatorMessage> {
    if (body.host !== session.host)
      throw new PeerComputeError('REQUEST_INVALID', 'the report is signed by another host than the one that introduced itself')
    const announced = body.units.reduce((sum, unit) => sum + (unit.outcome === 'success' ? unit.bytes : 0), 0)
    if (announced !== attachment.length)
      throw new PeerComputeError('FRAME_INVALID', `the report announces ${announced} bytes of values, ${attachment.length} are attached`)
    if (!(await inTurn(session, verifyReport(body))))
      throw new PeerComputeError('REQUEST_INVALID', 'the signature of the report does not hold')
    const answers = await coordinator.report(body, attachment)
    metrics.reported(body, answers)
    sessions.reported(session)
    return { type: 'ack', id, answers: [...answers] }
  }

  async function checkpoint(
    session: HostSession,
    { type: _, id, ...name }: Of<'checkpoint'>,
    state: Uint8Array
  ): Promise<CoordinatorMessage> {
    if (name.bytes !== state.length)
      throw new PeerComputeError('FRAME_INVALID', `a state of ${name.bytes} bytes is announced, ${state.length} are attached`)
    return { type: 'checkpointed', id, kept: await coordinator.checkpoint(session.host, name, state) }
  }

  return async (session, request, attachment) => {
    metrics.message(request.type)
    if (request.type !== 'report' && request.type !== 'checkpoint' && attachment.length > 0)
      throw new PeerComputeError('FRAME_INVALID', `a message of type ${request.type} has no attachment`)
    if (request.type !== 'report') await checking.get(session)
    switch (request.type) {
      case 'ask':
        return ask(session, request)
      case 'report':
        return report(session, request, attachment)
      case 'renew':
        return { type: 'renewed', id: request.id, leases: [...(await coordinator.renew(session.host, request.leases))] }
      case 'release':
        await coordinator.release(session.host, request.job, request.epoch)
        return { type: 'released', id: request.id }
      case 'checkpoint':
        return checkpoint(session, request, attachment)
    }
  }
}
