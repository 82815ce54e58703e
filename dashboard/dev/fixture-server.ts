/**
 * Development only: a coordinator made of paper, for looking at the pages. Serves `node_modules/.fixture` (built by
 * `vite build --mode fixture`) and answers the API with the fixture jobs. `EMPTY=1` has no jobs.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  certifyCoordinator,
  coordinatorInfoSchema,
  generateKeyPair,
  hostViewSchema,
  jobPageSchema,
  liveEventSchema,
  whySchema,
  type CoordinatorInfo,
  type LiveEvent
} from '@peercompute/job-specs'
import { loadKernel } from '@peercompute/kernels/files'
import { kernelNames } from '@peercompute/kernels'
import { encodeFrame, FRAME_MEDIA_TYPE } from '@peercompute/job-specs/protocol'
import { AUTHOR, detail, fixtureNames, HOSTS, jobId, row, settledUnits, summary, type FixtureName } from './fixture-jobs.ts'
import { fixtureReport } from './fixture-network.ts'
import { valueBytes } from './fixture-volunteer.ts'

const folder = fileURLToPath(new URL('../node_modules/.fixture', import.meta.url))
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml'
}
const names: readonly FixtureName[] = process.env['EMPTY'] === '1' ? [] : fixtureNames
/** The policy of the real coordinator, so that a page that breaks it breaks here too. */
const policy =
  "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const library = new Map(
  (await Promise.all(kernelNames.map(loadKernel))).flatMap(({ blobs }) =>
    [...blobs].map(([hash, bytes]): [string, Uint8Array] => [hash, bytes])
  )
)

const hosts = HOSTS.map((host, index) =>
  hostViewSchema.parse({
    host,
    account: AUTHOR,
    label: ['This machine', '', ''][index],
    agent: ['peercompute/0.1.0 node/24', 'peercompute/0.1.0 chromium/156', 'peercompute/0.1.0 firefox/148'][index],
    connected: index < 2,
    lastSeenAt: Date.now() - index * 90_000,
    executors: [
      { kind: 'webgpu', numericClass: 'webgpu-swiftshader-156', slots: 1, software: index === 0 },
      { kind: 'js', numericClass: 'js-fdlibm', slots: 4, software: false }
    ],
    unitsHeld: index === 0 ? 6 : 0,
    validated: [684, 211, 12][index],
    rejected: [0, 0, 3][index],
    failed: [0, 1, 0][index],
    microCredits: [6_840_000, 2_110_000, 0][index]
  })
)

const rootKey = await generateKeyPair({ extractable: false })
const workingKey = await generateKeyPair({ extractable: false })
const coordinator: CoordinatorInfo = coordinatorInfoSchema.parse({
  version: '0.1.0',
  certificate: await certifyCoordinator(rootKey, workingKey.publicKey, 1, Date.now()),
  root: rootKey.publicKey,
  peerId: fixtureReport.relays[0]?.address.split('/p2p/')[1],
  addresses: fixtureReport.relays.map(({ address }) => address),
  protocols: [],
  tokenRequired: false,
  hosts: 2,
  jobs: names.length,
  validatedUnits: 844
})

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string, text: string): void {
  json(response, { type: `urn:peercompute:error:${code}`, title: code, status, code, detail: text, remedy: '' }, status)
}

function events(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const send = ({ event, data }: LiveEvent) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  for (const name of names) send(liveEventSchema.parse({ event: 'job', data: summary(name) }))
  send({ event: 'fleet', data: { hosts: 2, computing: 1, validatedUnits: names.length === 0 ? 0 : 844 } })
}

function job(response: ServerResponse, name: FixtureName, part: string, query: URLSearchParams): void {
  const settled = settledUnits(name).sort((a, b) => a - b)
  if (part === '') {
    json(response, detail(name))
    return
  }
  if (part === 'why') {
    const unit = Number(query.get('unit'))
    const done = settled.includes(unit)
    json(
      response,
      whySchema.parse(
        done
          ? { code: 'settled', sentence: 'The unit is validated.', remedy: 'Nothing is to be done.', facts: {} }
          : {
              code: 'awaiting_second_opinion',
              sentence: 'One result is there; an independent one is missing.',
              remedy: 'It needs a volunteer that has not computed it yet.',
              facts: {}
            }
      )
    )
    return
  }
  const start = Number(query.get('from') ?? query.get('start') ?? 0)
  const limit = Number(query.get('limit') ?? query.get('count') ?? 100)
  if (part === 'results') {
    const units = settled.filter((unit) => unit >= start)
    json(response, { rows: units.slice(0, limit).map((unit) => row(name, unit)), next: units[limit] ?? null })
    return
  }
  if (part === 'values') {
    response.writeHead(200, { 'content-type': FRAME_MEDIA_TYPE })
    for (const unit of settled) {
      if (unit < start || unit >= start + limit) continue
      const value = valueBytes(name, unit)
      response.write(encodeFrame({ unit, bytes: value.length }, value))
    }
    response.end()
    return
  }
  refuse(response, 403, 'TOKEN_REQUIRED', 'this request is neither signed by the author nor from this machine')
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const path = url.pathname.replace('/api/v1', '')
  if (!url.pathname.startsWith('/api/')) {
    const file = url.pathname === '/' ? '/index.html' : url.pathname
    const bytes = await readFile(folder + file).catch(() => null)
    if (bytes === null) {
      refuse(response, 404, 'NOT_FOUND', file)
      return
    }
    response
      .writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy })
      .end(bytes)
    return
  }
  if (path === '/events') {
    events(response)
    return
  }
  if (path === '/coordinator') {
    json(response, coordinator)
    return
  }
  if (path === '/hosts') {
    json(response, { hosts })
    return
  }
  if (path === '/jobs' && request.method === 'GET') {
    json(response, jobPageSchema.parse({ jobs: names.map(summary), next: null }))
    return
  }
  const [, id = '', part = ''] = /^\/jobs\/([0-9a-f]{64})\/?(\w*)$/.exec(path) ?? []
  const name = names.find((known) => jobId(known) === id)
  if (name !== undefined) {
    job(response, name, part, url.searchParams)
    return
  }
  if (path.startsWith('/blobs/')) {
    const bytes = library.get(path.slice('/blobs/'.length))
    if (bytes === undefined) {
      refuse(response, 404, 'BLOB_NOT_FOUND', path)
      return
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
    return
  }
  refuse(response, 404, 'JOB_NOT_FOUND', `no job has the id ${id}`)
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    refuse(response, 500, 'INTERNAL', String(error))
  })
})
server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : '?'}\n`)
})
