/**
 * Development only: a coordinator made of paper, for looking at the pages. Serves `node_modules/.fixture` (built by
 * `vite build --mode fixture`) and answers the API with the fixture jobs. `EMPTY=1` has no jobs.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  AGREEMENT_BINS,
  certifyCoordinator,
  coordinatorInfoSchema,
  generateKeyPair,
  jobTrustSchema,
  reputedHostSchema,
  unitReplicasSchema,
  jobPageSchema,
  liveEventSchema,
  REASONS,
  verificationSentence,
  whySchema,
  type CoordinatorInfo,
  type HostReputation,
  type JobTrust,
  type LiveEvent,
  type UnitReplicas
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

function reputation(index: number): HostReputation {
  const nothing = 'Nothing is to be done.'
  if (index < 2)
    return {
      standing: 'proven',
      sentence: 'Its last 211 compared results agreed with those of others.',
      remedy: nothing,
      checks: 211,
      passed: 211,
      failures: 0,
      doubt: 0.0004,
      ban: null
    }
  const { sentence, remedy } = REASONS.host_banned
  return {
    standing: 'banned',
    sentence,
    remedy,
    checks: 12,
    passed: 0,
    failures: 3,
    doubt: 0.5,
    ban: { cause: 'errors', at: Date.now(), swept: true }
  }
}

const hosts = HOSTS.map((host, index) =>
  reputedHostSchema.parse({
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
    microCredits: [6_840_000, 2_110_000, 0][index],
    reputation: reputation(index)
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

function trust(name: FixtureName): JobTrust {
  const { id, verification, independence, units, executionsPerUnit } = summary(name)
  const near = [2, 9, 31, 80, 120, 96, 40, 12, 4]
  const exact = verification.comparator.kind === 'exact'
  return jobTrustSchema.parse({
    job: id,
    sentence: verificationSentence(verification),
    verification,
    independence,
    executionsPerUnit,
    settled: units.validated,
    counted: units.validated,
    errorProbability: { mean: 0.0003, worst: 0.004 },
    checkedTwice: units.validated,
    votes: { canonical: units.validated, agrees: units.validated, rejected: 11 },
    hosts: 3,
    accounts: 2,
    numericClasses: 2,
    histogram: {
      identical: exact ? units.validated : 266,
      bins: Array.from({ length: AGREEMENT_BINS }, (_, bin) => ({
        agreeing: exact ? 0 : (near[bin - 5] ?? 0),
        rejected: exact ? 0 : ({ 17: 4, 18: 6, 21: 1 }[bin] ?? 0)
      })),
      incomparable: exact ? 11 : 0
    },
    reopened: 3,
    inconclusive: exact
      ? []
      : [
          {
            unit: 12,
            at: Date.now(),
            results: 8,
            values: 8,
            leading: 2,
            nearest: { metric: 1.4, bound: 1 },
            farthest: { metric: 61, bound: 1 }
          }
        ],
    suspects: 0.04
  })
}

function replicas(name: FixtureName, unit: number): UnitReplicas {
  const base = { job: jobId(name), unit }
  if (!settledUnits(name).includes(unit))
    return unitReplicasSchema.parse({ ...base, state: 'open', value: null, replicas: [], sealed: unit % 2 })
  const { digest, values, settledAt, votes } = row(name, unit)
  return unitReplicasSchema.parse({
    ...base,
    state: 'settled',
    value: { digest, outputs: values, settledAt, errorProbability: 0.0004 },
    replicas: votes.map(({ epoch: _, ...vote }) => ({
      ...vote,
      probeVersion: 1,
      digest,
      metric: vote.verdict === 'rejected' ? 27 : 0,
      bound: 1,
      difference: { canonical: 'the value that is kept', agrees: 'identical', rejected: '27 times what is permitted' }[vote.verdict],
      seconds: 0.84
    })),
    sealed: 0
  })
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
  if (part === 'trust') {
    json(response, trust(name))
    return
  }
  const unit = /^units\/(\d+)$/.exec(part)?.[1]
  if (unit !== undefined) {
    json(response, replicas(name, Number(unit)))
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
  const host = /^\/hosts\/([\w-]{43})\/reputation$/.exec(path)?.[1]
  if (host !== undefined) {
    json(response, { ...reputation(HOSTS.indexOf(host)), host, programs: [] })
    return
  }
  if (path === '/jobs' && request.method === 'GET') {
    json(response, jobPageSchema.parse({ jobs: names.map(summary), next: null }))
    return
  }
  const [, id = '', part = ''] = /^\/jobs\/([0-9a-f]{64})\/?([\w/]*)$/.exec(path) ?? []
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
