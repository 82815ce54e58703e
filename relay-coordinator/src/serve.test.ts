import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  certifyHost,
  generateKeyPair,
  jobIdOf,
  sha256Hex,
  signSpec,
  utf8,
  type CoordinatorInfo,
  type JobDetail,
  type JobId,
  type KeyPair,
  type SignedSpec
} from '@peercompute/job-specs'
import {
  coordinatorMessageSchema,
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  WORK_FRAME_MAX_BYTES,
  WORK_PROTOCOL,
  type CoordinatorMessage
} from '@peercompute/job-specs/protocol'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { createClientNode, openChannel, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { serve, type RunningServer, type ServeOptions } from './serve.ts'
import { smallSpec } from './testing/fixtures.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'
import { converse, createTestHost, introduce, type MessageOf, type TestHost } from './testing/test-host.ts'

const BLOBS = ['export default function compute() {}', 'wasm'].map(utf8)
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let running: { close(): unknown }[]

beforeEach(async () => {
  temporary = await temporaryFolder()
  running = []
})
afterEach(async () => {
  for (const part of running.reverse()) await part.close()
  await temporary[Symbol.asyncDispose]()
})

async function start(options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const server = await serve({ dataDir: temporary.path, port: 0, ...options })
  running.push(server)
  return server
}

async function publish(
  url: string,
  author: KeyPair,
  overrides: Parameters<typeof smallSpec>[0] = {}
): Promise<{ id: JobId; signed: SignedSpec }> {
  const signed = await signSpec(author, smallSpec(overrides))
  for (const blob of BLOBS) expect((await fetch(`${url}/api/v1/blobs/${sha256Hex(blob)}`, { method: 'PUT', body: blob })).ok).toBe(true)
  const response = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  expect(response.ok).toBe(true)
  return { id: jobIdOf(signed.author, signed.spec), signed }
}

const info = async (url: string) => (await (await fetch(`${url}/api/v1/coordinator`)).json()) as CoordinatorInfo
const job = async (url: string, id: JobId) => (await (await fetch(`${url}/api/v1/jobs/${id}`)).json()) as JobDetail

async function libp2pClient(url: string) {
  const { addresses, peerId } = await info(url)
  const { node } = await createClientNode({ relays: addresses, webRtc: false })
  running.push({ close: () => node.stop() })
  const supervisor = superviseRelay(node, addresses)
  running.push({
    close: () => {
      supervisor.stop()
    }
  })
  await until(() => supervisor.state.kind === 'connected', 'the relay is connected')
  return { node, peerId }
}

/** One host's whole share over HTTP: hello, ask, report. */
async function computeOverHttp(url: string, host: TestHost): Promise<void> {
  const say = async (...frames: Uint8Array[]): Promise<CoordinatorMessage[]> => {
    const response = await fetch(`${url}/api/v1/work`, {
      method: 'POST',
      headers: { 'content-type': FRAME_MEDIA_TYPE },
      body: Buffer.concat(frames)
    })
    return decodeFrames(new Uint8Array(await response.arrayBuffer()), WORK_FRAME_MAX_BYTES).map(({ message }) =>
      coordinatorMessageSchema.parse(message)
    )
  }
  const only = <T extends CoordinatorMessage['type']>(messages: CoordinatorMessage[], type: T): MessageOf<T> => {
    const found = messages.find((message): message is MessageOf<T> => message.type === type)
    if (found === undefined) throw new Error(`No ${type} in ${JSON.stringify(messages)}`)
    return found
  }
  const { challenge, certificate } = only(await say(encodeFrame(host.hello())), 'challenge')
  const { session } = only(await say(encodeFrame(host.hello({ proof: await host.proof(certificate.root, challenge) }))), 'welcome')
  const { leases } = only(
    await say(
      encodeFrame(host.hello({ session })),
      encodeFrame({ type: 'ask', id: 2, executor: 'js', units: 16, seconds: 0, knownJobs: [] })
    ),
    'work'
  )
  for (const lease of leases) {
    const { report, values } = await host.report(lease)
    only(await say(encodeFrame(host.hello({ session })), encodeFrame({ type: 'report', id: 3, report }, values)), 'ack')
  }
}

it('serves pages, API and libp2p on one port, and computes one job through both doors', async () => {
  const server = await start({ sandboxPage: () => Promise.resolve({ html: 'sandbox', headers: {} }) })
  expect(server).toMatchObject({ url: `http://127.0.0.1:${server.port}`, openOnLoopback: true, adminToken: expect.stringMatching(/^pc_/) })
  expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ status: 'ok' })
  expect(await (await fetch(`${server.url}/sandbox.html`)).text()).toBe('sandbox')
  expect(server.addresses).toEqual([`/ip4/127.0.0.1/tcp/${server.port}/ws/p2p/${server.peerId}`])

  const { id } = await publish(server.url, await generateKeyPair({ extractable: true }))
  const host = await createTestHost()
  const { node, peerId } = await libp2pClient(server.url)
  const channel = await openChannel(node, peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(10_000) })
  const talk = converse(channel)
  await introduce(talk, host)
  const [lease] = (await talk.ask({ type: 'ask', id: 3, executor: 'js', units: 16, seconds: 0, knownJobs: [] }, 'work')).leases
  if (lease === undefined) throw new Error('no lease')
  const { report, values } = await host.report(lease)
  await talk.ask({ type: 'report', id: 4, report }, 'ack', values)
  await computeOverHttp(server.url, await createTestHost())
  expect(await job(server.url, id)).toMatchObject({ state: 'completed', reduced: { kind: 'sum', sum: '6' } })

  await channel.close()
  await until(() => server.coordinator.hosts().some((view) => view.host === host.id && !view.connected), 'the host is gone')
})

it("takes a job from a submitter's feed, and lets everybody read what became of it in its own", async () => {
  const server = await start()
  const { node } = await libp2pClient(server.url)
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  const provider = await PeerComputeProvider.start(node, ledger)
  running.push({ close: () => provider.stop() })
  const author = await generateKeyPair({ extractable: true })
  const writer = ledger.writer(author)
  await writer.append('feed.open', {
    certificate: await certifyHost(await generateKeyPair({ extractable: true }), author.publicKey, '', Date.now())
  })
  const signed = await signSpec(author, smallSpec())
  await writer.append('job.publish', { signed })
  const id = jobIdOf(signed.author, signed.spec)
  await until(() => server.coordinator.signedSpec(id) !== undefined, 'the job is admitted')
  expect((await job(server.url, id)).state).toBe('queued')
  for (const blob of BLOBS)
    expect((await fetch(`${server.url}/api/v1/blobs/${sha256Hex(blob)}`, { method: 'PUT', body: blob })).status).toBe(201)
  for (let n = 0; n < 2; n++) await computeOverHttp(server.url, await createTestHost())
  const types = () =>
    ledger
      .heads()
      .filter(({ author: of }) => of !== author.publicKey)
      .flatMap((feed) => ledger.entries(feed).map(({ record }) => record.type))
  await until(() => types().includes('job.end'), 'the end of the job has reached the other replica')
  expect(types()).toEqual(expect.arrayContaining(['coordinator.open', 'job.admit', 'ranges.settle', 'job.end', 'credit.totals']))
})

it('announces the public address behind TLS, and then wants the token even on this machine', async () => {
  const server = await start({ publicUrl: 'https://lab.example' })
  expect(server).toMatchObject({
    url: 'https://lab.example',
    openOnLoopback: false,
    addresses: [`/dns4/lab.example/tcp/443/tls/ws/p2p/${server.peerId}`]
  })
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ spec: smallSpec() })
  })
  expect(response.status).toBe(401)
})

/** Status of a WebSocket upgrade that a proxy on this machine passes on for a client. */
function upgradeFor(port: number, client: string, held: Duplex[]): Promise<number> {
  const { promise, resolve, reject }: PromiseWithResolvers<number> = Promise.withResolvers()
  const headers = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'x-forwarded-for': client
  }
  request({ host: '127.0.0.1', port, path: '/', headers })
    .on('response', ({ statusCode }) => {
      resolve(statusCode ?? 0)
    })
    .on('upgrade', ({ statusCode }, socket) => {
      held.push(socket)
      resolve(statusCode ?? 0)
    })
    .on('error', reject)
    .end()
  return promise
}

it('lets a subnet hold so many connections, and takes the word of a proxy for it only when that is trusted', async () => {
  const clients = ['203.0.113.1', '203.0.113.2', '198.51.100.1']
  const trusting = await start({ trustProxy: ['127.0.0.1'], subnetQuota: 1 })
  const held: Duplex[] = []
  const comeTo = async ({ port }: RunningServer) => {
    const statuses: number[] = []
    for (const client of clients) statuses.push(await upgradeFor(port, client, held))
    for (const socket of held) socket.destroy()
    return statuses
  }
  expect(await comeTo(trusting)).toEqual([101, 429, 101])
  await trusting.close()
  expect(await comeTo(await start({ subnetQuota: 1 }))).toEqual([101, 101, 101])
})

it('tells clients of further relays and of ICE servers, and none of either by default', async () => {
  const server = await start()
  expect(await info(server.url)).toMatchObject({ relays: [], iceServers: [] })
  await server.close()
  const relay = '/dns4/relay.example/tcp/443/tls/ws/p2p/12D3KooWGzBrHY1dLZbXcYQzEKLk3E4Gk6wYoqk7yDeTZ1iFVn3D'
  const again = await start({ alsoRelay: [relay], iceServers: ['turn:turn.example:3478,volunteer,secret'] })
  expect(await info(again.url)).toMatchObject({
    relays: [relay],
    iceServers: [{ urls: 'turn:turn.example:3478', username: 'volunteer', credential: 'secret' }]
  })
})

it('is the same coordinator after a restart, and shows the token once', async () => {
  const first = await start()
  const { id } = await publish(first.url, await generateKeyPair({ extractable: true }))
  await first.close()
  await first.close()
  await expect(fetch(`${first.url}/healthz`)).rejects.toThrow()
  const second = await start()
  expect([second.root, second.peerId, second.adminToken]).toEqual([first.root, first.peerId, null])
  expect(await job(second.url, id)).toMatchObject({ id, state: 'running' })
})

it('says that the port is taken, and leaves the data folder free', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  running.push({ close: () => other.close() })
  const address = other.address()
  const port = address !== null && typeof address !== 'string' ? address.port : 0
  await expect(start({ port })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  await start()
})

it('says that another coordinator has the data folder, that a key is unusable, and that a setting is wrong', async () => {
  const server = await start()
  await expect(start()).rejects.toMatchObject({ code: 'DATA_FOLDER_LOCKED' })
  await server.close()
  await chmod(join(temporary.path, 'keys', 'peer.key'), 0o644)
  await expect(start()).rejects.toMatchObject({ code: 'KEY_INVALID' })
  await expect(start({ port: -1 })).rejects.toMatchObject({ code: 'CONFIG_INVALID', place: { path: 'port' } })
})

it('loses nothing that it has acknowledged when it is killed', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./testing/serve-child.ts', import.meta.url)), temporary.path], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  running.push({ close: () => kill(child) })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const url = line.toString().trim()
  const { id } = await publish(url, await generateKeyPair({ extractable: true }))
  const root = (await info(url)).root
  await computeOverHttp(url, await createTestHost())
  await kill(child)

  const server = await start()
  expect(server.root).toBe(root)
  expect(await job(server.url, id)).toMatchObject({ state: 'running', units: { validating: 4 } })
  await computeOverHttp(server.url, await createTestHost())
  expect(await job(server.url, id)).toMatchObject({ state: 'completed', reduced: { sum: '6' } })
  expect(await readdir(join(temporary.path, 'blobs', 'uploads'))).toEqual([])
})

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
