/** The test coordinator behind a real HTTP server on loopback: `/api/v1/coordinator`, `/work` and `/blobs`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { concat, contentHashSchema, type ContentHash, type CoordinatorInfo } from '@peercompute/job-specs'
import {
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  hostMessageSchema,
  WORK_FRAME_MAX_BYTES,
  type CoordinatorMessage
} from '@peercompute/job-specs/protocol'
import type { TestCoordinator } from './test-coordinator.ts'
import { TEST_BLOBS } from './test-job.ts'

export interface HttpCoordinator extends AsyncDisposable {
  readonly url: string
  /** Said unasked with the next response. */
  readonly unasked: CoordinatorMessage[]
  /** Forget all sessions, as a restart does. */
  forgetSessions(): void
  /** Frames of each request to `/work`. */
  readonly requests: readonly number[]
  /** Takes a request over; return true when it is answered. */
  override: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  info: Partial<CoordinatorInfo>
}

export async function startHttpCoordinator(
  coordinator: TestCoordinator,
  blobs: ReadonlyMap<ContentHash, Uint8Array> = TEST_BLOBS
): Promise<HttpCoordinator> {
  const requests: number[] = []
  const unasked: CoordinatorMessage[] = []
  let sessions = new Set<string>()
  let issued = 0

  const work = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk as Uint8Array)
    const frames = decodeFrames(concat(chunks), WORK_FRAME_MAX_BYTES)
    requests.push(frames.length)
    const answers: CoordinatorMessage[] = []
    let known = false
    for (const frame of frames) {
      const message = hostMessageSchema.parse(frame.message)
      if (message.type === 'hello' && message.session !== undefined && sessions.has(message.session)) {
        known = true
        answers.push({ type: 'welcome', id: message.id, version: 1, capabilities: [], session: message.session })
        continue
      }
      if (message.type !== 'hello' && !known) {
        answers.push({ type: 'error', id: message.id, code: 'HELLO_REQUIRED', detail: 'Who are you' })
        continue
      }
      const answer = await coordinator.reply(frame)
      if (answer?.type === 'welcome') {
        const session = `session-${++issued}`
        sessions.add(session)
        known = true
        answers.push({ ...answer, session })
      } else if (answer !== null) answers.push(answer)
    }
    if (known) answers.push(...unasked.splice(0))
    response.writeHead(200, { 'content-type': FRAME_MEDIA_TYPE }).end(concat(answers.map((answer) => encodeFrame(answer))))
  }

  const server = createServer((request, response) => {
    if (http.override?.(request, response) === true) return
    const path = request.url ?? ''
    const blob = contentHashSchema.safeParse(path.replace('/api/v1/blobs/', ''))
    const bytes = blob.success ? blobs.get(blob.data) : undefined
    if (path === '/api/v1/work' && request.method === 'POST') void work(request, response)
    else if (path.split('?', 1)[0] === '/api/v1/coordinator') {
      const info: CoordinatorInfo = {
        version: 'test',
        certificate: coordinator.certificate,
        root: coordinator.root,
        peerId: '',
        addresses: [],
        relays: [],
        iceServers: [],
        protocols: [],
        tokenRequired: false,
        hosts: 0,
        jobs: 0,
        validatedUnits: 0,
        ...http.info
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info))
    } else if (bytes !== undefined) response.writeHead(200).end(bytes)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })

  const http: HttpCoordinator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    unasked,
    info: {},
    forgetSessions: () => {
      sessions = new Set()
    },
    override: null,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    }
  }
  return http
}
