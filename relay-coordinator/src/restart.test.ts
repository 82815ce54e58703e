/** What a restart must not forget of those who asked for something: commands that were taken, files that are missing, who waits. */
import { join } from 'node:path'
import {
  certifyHost,
  generateKeyPair,
  sha256Hex,
  signJobCommand,
  signSpec,
  utf8,
  type JobDetail,
  type SubmitAnswer
} from '@peercompute/job-specs'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { createClientNode, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import { systemClock } from '@peercompute/p2p/time'
import { until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { serve, type RunningServer } from './serve.ts'
import { smallSpec } from './testing/fixtures.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

const BLOBS = ['export default function compute() {}', 'wasm'].map(utf8)
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let closing: (() => unknown)[]
beforeEach(async () => {
  temporary = await temporaryFolder()
  closing = []
})
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  await temporary[Symbol.asyncDispose]()
})

/** With a public URL, so that whoever calls is a stranger. */
async function start(): Promise<RunningServer> {
  const server = await serve({
    port: 0,
    dataDir: join(temporary.path, 'data'),
    publicUrl: 'http://compute.example.org',
    newResearchers: 'ask'
  })
  closing.push(() => server.close())
  return server
}

function call(server: RunningServer, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Response> {
  const bytes = body instanceof Uint8Array
  return fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: bytes ? Buffer.from(body) : JSON.stringify(body) }),
    headers: body === undefined ? {} : { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }
  })
}

it('a command is not taken twice, missing files are still welcome, and who waits goes on waiting', async () => {
  const author = await generateKeyPair({ extractable: true })
  const before = await start()
  const submitted = await call(before, 'POST', '/jobs', await signSpec(author, smallSpec()))
  const { id, state } = (await submitted.json()) as SubmitAnswer
  expect([submitted.status, state]).toEqual([201, 'queued'])
  const pause = await signJobCommand(author, id, 'pause', 1_000)
  const resume = await signJobCommand(author, id, 'resume', 1_001)
  expect((await call(before, 'POST', `/jobs/${id}/pause`, pause)).status).toBe(200)
  expect((await call(before, 'POST', `/jobs/${id}/resume`, resume)).status).toBe(200)
  await before.close()

  const after = await start()
  const replayed = await call(after, 'POST', `/jobs/${id}/pause`, pause)
  expect([replayed.status, await replayed.json()]).toMatchObject([400, { code: 'REQUEST_INVALID' }])
  for (const blob of BLOBS) expect((await call(after, 'PUT', `/blobs/${sha256Hex(blob)}`, blob)).status).toBe(201)
  const stranger = await call(after, 'PUT', `/blobs/${sha256Hex(utf8('anything'))}`, utf8('anything'))
  expect(stranger.status).toBe(401)
  const job = async () => (await (await call(after, 'GET', `/jobs/${id}`)).json()) as JobDetail
  expect(await job()).toMatchObject({ state: 'queued', held: true, why: { code: 'awaiting_approval' } })
  await after.operator.researchers.approve((await job()).author, 'a test')
  expect((await job()).state).toBe('running')
})

it('a job that comes through the ledger waits like one over HTTP', async () => {
  const server = await start()
  const [account, host] = [await generateKeyPair({ extractable: true }), await generateKeyPair({ extractable: true })]
  const relays = [`/ip4/127.0.0.1/tcp/${server.port}/ws/p2p/${server.peerId}`]
  const { node } = await createClientNode({ relays, webRtc: false })
  const supervisor = superviseRelay(node, relays)
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  const provider = await PeerComputeProvider.start(node, ledger, { clock: systemClock })
  closing.push(
    () => node.stop(),
    () => supervisor.stop(),
    () => provider.stop()
  )
  const writer = ledger.writer(host)
  await writer.append('feed.open', { certificate: await certifyHost(account, host.publicKey, '', 1) })
  await writer.append('job.publish', { signed: await signSpec(account, smallSpec()) })
  await until(() => server.coordinator.jobs({ limit: 1 }).items.length === 1, 'the job at the coordinator', 15_000)
  expect(server.coordinator.jobs({ limit: 1 }).items).toMatchObject([{ author: account.publicKey, held: true, state: 'queued' }])
  expect(server.operator.researchers.list()).toMatchObject([{ author: account.publicKey, status: 'waiting' }])
})
