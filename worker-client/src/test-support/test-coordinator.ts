/**
 * A coordinator for the tests of this package: it speaks the real frames and checks the real signatures, and decides nothing by
 * itself. Tests say which leases it grants; it remembers which results it was told, as a coordinator with a disk does.
 */
import {
  certifyCoordinator,
  generateKeyPair,
  leaseSchema,
  sha256Hex,
  verifyReport,
  type AuthorId,
  type CoordinatorCertificate,
  type ExecutorKind,
  type HostId,
  type JobId,
  type KeyPair,
  type Lease,
  type Report,
  type ReportAnswer,
  type RootId
} from '@peercompute/job-specs'
import {
  hostMessageSchema,
  signAdmission,
  verifyHello,
  type CoordinatorMessage,
  type Frame,
  type HostMessage,
  type LeasedJob
} from '@peercompute/job-specs/protocol'
import { createChannelPair, type TestChannel } from './channel-pair.ts'
import type { TestJob } from './test-job.ts'

const CHALLENGE = 'AAAAAAAAAAAAAAAAAAAAAA'

export interface TestCoordinator {
  readonly root: RootId
  readonly certificate: CoordinatorCertificate
  readonly keys: { readonly root: KeyPair; readonly operational: KeyPair }
  /** A new connection; the host's end. */
  connect(): TestChannel
  /** The answer to one frame, whatever carries it. Null leaves it unanswered. */
  reply(frame: Frame): Promise<CoordinatorMessage | null>
  /** Queued work, granted lease by lease to who asks. */
  offer(job: TestJob, leases: readonly { start: number; count: number; durationMs?: number; executor?: ExecutorKind }[]): Promise<void>
  /** Granted to whoever asks next, as it is. */
  offerRaw(work: { leases: readonly Lease[]; jobs: readonly LeasedJob[] }): void
  push(message: CoordinatorMessage): void
  /** Answers one message in the coordinator's place; null leaves it unanswered, undefined to the coordinator. */
  intercept: ((message: HostMessage, frame: Frame) => CoordinatorMessage | null | undefined) | null
  readonly heard: readonly HostMessage[]
  heardOf<T extends HostMessage['type']>(type: T): readonly Extract<HostMessage, { type: T }>[]
  /** Values of successful units, by unit. */
  readonly values: ReadonlyMap<number, Uint8Array>
  /** Results by `job-unit-host-epoch`, as first accepted. */
  readonly results: ReadonlyMap<string, Report['units'][number]>
  /** How often each result was told, duplicates included. */
  readonly told: ReadonlyMap<string, number>
  readonly released: readonly { job: JobId; epoch: number }[]
  readonly connections: readonly TestChannel[]
  /** Leases that renewals no longer find. */
  readonly lost: Set<number>
  renewMs: number
}

export async function createTestCoordinator(): Promise<TestCoordinator> {
  const keys = { root: await generateKeyPair({ extractable: true }), operational: await generateKeyPair({ extractable: true }) }
  const certificate = await certifyCoordinator(keys.root, keys.operational.publicKey, 1, 1)
  const connections: TestChannel[] = []
  const heard: HostMessage[] = []
  const results = new Map<string, Report['units'][number]>()
  const told = new Map<string, number>()
  const values = new Map<number, Uint8Array>()
  const released: { job: JobId; epoch: number }[] = []
  const queue: { leases: readonly Lease[]; jobs: readonly LeasedJob[]; raw: boolean }[] = []
  let epoch = 0

  const takeReport = async (report: Report, attachment: Uint8Array): Promise<{ unit: number; answer: ReportAnswer }[]> => {
    if (!(await verifyReport(report))) throw new Error('A report without a valid signature')
    let offset = 0
    return report.units.map((result) => {
      if (result.outcome === 'success') {
        const value = attachment.slice(offset, (offset += result.bytes))
        if (sha256Hex(value) !== result.digest) throw new Error('A value that does not have its digest')
        values.set(result.unit, value)
      }
      const key = `${report.job}-${result.unit}-${report.host}-${report.epoch}`
      told.set(key, (told.get(key) ?? 0) + 1)
      const answer = results.has(key) ? 'duplicate' : 'accepted'
      if (answer === 'accepted') results.set(key, result)
      return { unit: result.unit, answer }
    })
  }

  const answer = async (message: HostMessage, attachment: Uint8Array): Promise<CoordinatorMessage> => {
    const { id } = message
    if (message.type === 'hello') {
      if (message.proof === undefined) return { type: 'challenge', id, challenge: CHALLENGE, certificate }
      const held = await verifyHello(message.certificate.host, keys.root.publicKey, message.proof.challenge, message.proof.sig)
      return held
        ? { type: 'welcome', id, version: 1, capabilities: ['renew', 'cancel'], session: 'session' }
        : { type: 'error', id, code: 'HELLO_INVALID', detail: 'The proof does not hold' }
    }
    if (message.type === 'ask') {
      const next = queue.findIndex(({ leases, raw }) => raw || leases.every(({ executor }) => executor === message.executor))
      const [work] = next === -1 ? [] : queue.splice(next, 1)
      return {
        type: 'work',
        id,
        leases: [...(work?.leases ?? [])],
        jobs: [...(work?.jobs ?? [])],
        retryAfterMs: 60_000,
        ...(work === undefined ? { why: 'no_work_available' as const } : {})
      }
    }
    if (message.type === 'report') return { type: 'ack', id, answers: await takeReport(message.report, attachment) }
    if (message.type === 'renew')
      return {
        type: 'renewed',
        id,
        leases: message.leases.map((lease) => ({ ...lease, durationMs: coordinator.lost.has(lease.epoch) ? 0 : coordinator.renewMs }))
      }
    released.push({ job: message.job, epoch: message.epoch })
    return { type: 'released', id }
  }

  const serve = async (channel: TestChannel) => {
    try {
      for await (const frame of channel.frames) {
        const said = await coordinator.reply(frame)
        if (said !== null && !channel.closed) await channel.send(said)
      }
    } catch (error) {
      if (!channel.closed) throw error
    }
  }

  const coordinator: TestCoordinator = {
    async reply(frame) {
      const message = hostMessageSchema.parse(frame.message)
      heard.push(message)
      const intercepted = coordinator.intercept?.(message, frame)
      return intercepted === undefined ? answer(message, frame.attachment) : intercepted
    },
    root: keys.root.publicKey as RootId,
    certificate,
    keys,
    heard,
    results,
    values,
    told,
    released,
    connections,
    intercept: null,
    lost: new Set(),
    renewMs: 60_000,
    connect() {
      const [host, own] = createChannelPair()
      connections.push(own)
      void serve(own)
      return host
    },
    async offer(job, leases) {
      const admission = await signAdmission(keys.operational, job.id)
      const jobs = [{ job: job.id, signed: job.signed, admittedBy: keys.operational.publicKey as AuthorId, admission }]
      for (const { start, count, durationMs = 60_000, executor = 'js' } of leases) {
        queue.push({
          raw: false,
          jobs,
          leases: [leaseSchema.parse({ job: job.id, start, count, epoch: ++epoch, executor, deadline: 1, durationMs })]
        })
      }
    },
    offerRaw: (work) => {
      queue.push({ ...work, raw: true })
    },
    push: (message) => {
      for (const channel of connections) if (!channel.closed) void channel.send(message)
    },
    heardOf: <T extends HostMessage['type']>(type: T) =>
      heard.filter((message): message is Extract<HostMessage, { type: T }> => message.type === type)
  }
  return coordinator
}

export function resultKey(job: JobId, unit: number, host: HostId, epoch: number): string {
  return `${job}-${unit}-${host}-${epoch}`
}
