/**
 * A coordinator that a volunteer must not trust: a small HTTP server that speaks the real frames with real keys, and lies in
 * exactly one way. It leases one range of one job to whoever asks first, and remembers what it was told.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import {
  certifyCoordinator,
  concat,
  coordinatorInfoSchema,
  generateKeyPair,
  jobIdOf,
  leaseSchema,
  signSpec,
  type AuthorId,
  type CoordinatorCertificate,
  type KeyPair,
  type SignedSpec,
  type UnitResult
} from '@peercompute/job-specs'
import {
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  hostMessageSchema,
  signAdmission,
  WORK_FRAME_MAX_BYTES,
  type CoordinatorMessage,
  type HostMessage,
  type LeasedJob
} from '@peercompute/job-specs/protocol'
import type { JobToPublish } from './publish.ts'

const CHALLENGE = 'A'.repeat(22)
const SESSION = 'session'
const UNITS = 2

export interface Keys {
  readonly author: KeyPair
  readonly operational: KeyPair
  readonly stranger: KeyPair
}

export interface Lies {
  /** The job as it is leased, from the honest one. */
  readonly leased?: (honest: LeasedJob, keys: Keys) => LeasedJob | Promise<LeasedJob>
  /** Bytes that are served in place of a blob's. */
  readonly blob?: (bytes: Uint8Array) => Uint8Array
  /** Certificate in the challenge, from the one that `GET /coordinator` shows. */
  readonly challenge?: (keys: Keys) => Promise<CoordinatorCertificate>
}

export interface HostileCoordinator extends AsyncDisposable {
  readonly url: string
  readonly root: string
  /** Outcomes of the leased units, as reported. */
  readonly results: readonly UnitResult[]
  heard(type: HostMessage['type']): number
}

export async function startHostileCoordinator({ spec, blobs }: JobToPublish, lies: Lies = {}): Promise<HostileCoordinator> {
  const [author, operational, stranger, root] = await Promise.all(Array.from({ length: 4 }, () => generateKeyPair({ extractable: true })))
  if (author === undefined || operational === undefined || stranger === undefined || root === undefined)
    throw new Error('four keys are made')
  const keys: Keys = { author, operational, stranger }
  const certificate = await certifyCoordinator(root, operational.publicKey, 1, 1)
  const signed: SignedSpec = await signSpec(author, spec)
  const id = jobIdOf(signed.author, signed.spec)
  const honest: LeasedJob = {
    job: id,
    signed,
    admittedBy: operational.publicKey as AuthorId,
    admission: await signAdmission(operational, id)
  }
  const job = await (lies.leased?.(honest, keys) ?? honest)
  const challenged = await (lies.challenge?.(keys) ?? certificate)
  const results: UnitResult[] = []
  const heard: HostMessage['type'][] = []
  let leased = false

  const answer = (message: HostMessage): CoordinatorMessage => {
    heard.push(message.type)
    switch (message.type) {
      case 'hello':
        if (message.session === SESSION || message.proof !== undefined)
          return { type: 'welcome', id: message.id, version: 1, capabilities: [], session: SESSION }
        return { type: 'challenge', id: message.id, challenge: CHALLENGE, certificate: challenged }
      case 'ask': {
        if (leased || message.executor !== 'js') return { type: 'work', id: message.id, leases: [], jobs: [], retryAfterMs: 60_000 }
        leased = true
        const lease = leaseSchema.parse({ job: job.job, start: 0, count: UNITS, epoch: 1, executor: 'js', deadline: 1, durationMs: 60_000 })
        return { type: 'work', id: message.id, leases: [lease], jobs: [job], retryAfterMs: 60_000 }
      }
      case 'report':
        results.push(...message.report.units)
        return { type: 'ack', id: message.id, answers: message.report.units.map(({ unit }) => ({ unit, answer: 'accepted' as const })) }
      case 'renew':
        return { type: 'renewed', id: message.id, leases: message.leases.map((lease) => ({ ...lease, durationMs: 60_000 })) }
      case 'release':
        return { type: 'released', id: message.id }
      case 'checkpoint':
        return { type: 'checkpointed', id: message.id, kept: false }
    }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? ''
    const blob = [...blobs].find(([hash]) => path === `/api/v1/blobs/${hash}`)?.[1]
    if (path === '/api/v1/work') {
      const frames = decodeFrames(await buffer(request), WORK_FRAME_MAX_BYTES)
      const answers = frames.map(({ message }) => encodeFrame(answer(hostMessageSchema.parse(message))))
      response.writeHead(200, { 'content-type': FRAME_MEDIA_TYPE }).end(concat(answers))
    } else if (path.split('?', 1)[0] === '/api/v1/coordinator') {
      const info = coordinatorInfoSchema.parse({
        version: 'test',
        certificate,
        root: root.publicKey,
        peerId: '',
        addresses: [],
        protocols: [],
        tokenRequired: false,
        hosts: 0,
        jobs: 0,
        validatedUnits: 0
      })
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info))
    } else if (blob !== undefined) response.writeHead(200).end(lies.blob?.(blob) ?? blob)
    else response.writeHead(404).end()
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    root: root.publicKey,
    results,
    heard: (type) => heard.filter((one) => one === type).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}
