/** Blobs in the real parts: a volunteer that gets its inputs from another one, and a coordinator whose memory does not grow with them. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { blobRef, type BlobRef } from '@peercompute/job-specs'
import { memoryLedgerStore } from '@peercompute/ledger'
import {
  assembleKernel,
  createIdentity,
  createMemoryOutboxStore,
  createMemoryPinStore,
  nodeComputeWorkers,
  openCage,
  startLibp2pNetwork,
  systemClock,
  type NodeKernel
} from '@peercompute/worker-client/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, publish, type JobToPublish } from './parts/publish.ts'

const MIB = 1_048_576
let server: TestServer
const volunteers: NodeKernel[] = []

beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  await server.stop()
})

async function volunteer(label: string, fetch: typeof globalThis.fetch): Promise<NodeKernel> {
  const cage = await openCage()
  if (cage.kind === null) throw new Error(cage.why)
  const { workers } = await nodeComputeWorkers({ gpu: null, slots: 1, cage })
  const kernel = await assembleKernel({
    coordinator: server.url,
    identity: await createIdentity({ label, now: Date.now(), extractableHost: true }),
    workers: workers.filter(({ executor }) => executor.kind === 'js'),
    agent: 'test/blobs',
    memoryBytes: 2 ** 30,
    outboxStore: createMemoryOutboxStore(),
    ledgerStore: memoryLedgerStore(),
    pins: createMemoryPinStore(),
    clock: systemClock,
    random: Math.random,
    fetch,
    startPeers: startLibp2pNetwork,
    release: () => cage.close()
  })
  volunteers.push(kernel)
  kernel.start()
  return kernel
}

/** Two hosts must agree on the sum of an input that is too large for a relayed connection. */
function sumJob(): { job: JobToPublish; input: BlobRef } {
  const bytes = new Uint8Array(randomBytes(MIB))
  const input = blobRef(bytes)
  const js = 'export default ({ inputs }) => ({ y: new Float32Array([inputs.field.reduce((sum, byte) => sum + byte, 0)]) })'
  const { spec, blobs } = ownJob(
    'sum',
    { js },
    {
      inputs: [{ name: 'field', type: 'u8', blob: input }],
      verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 4 }
    }
  )
  return { input, job: { spec, blobs: new Map([...blobs, [input.sha256, bytes]]) } }
}

it('lets a volunteer that cannot reach the coordinator over HTTP compute with what another one holds', async () => {
  const served: string[] = []
  const isBlob = (input: unknown): input is string => typeof input === 'string' && input.includes('/blobs/')
  await volunteer('holder', (input, init) => {
    if (isBlob(input)) served.push(input)
    return globalThis.fetch(input, init)
  })
  const { job, input } = sumJob()
  const { id } = await publish(server.url, job)
  await until('the first volunteer has the input', () => served.some((url) => url.endsWith(input.sha256)))
  await volunteer('asker', (resource, init) => {
    if (!isBlob(resource)) return globalThis.fetch(resource, init)
    return Promise.reject(new TypeError('no way through for large answers'))
  })
  await until('the job is complete', async () => (await server.job(id)).state === 'completed', 60_000)
  await until('both have computed every unit', () => volunteers.every((one) => one.snapshot().unitsAccepted === 2))
})

/** Most memory that the process has taken so far, bytes. */
function peakBytes(pid: number | undefined): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1_024
}

it('takes and serves a blob of 192 MiB without holding it', async () => {
  const chunk = randomBytes(MIB)
  const size = 192 * MIB
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += chunk.length) hash.update(chunk)
  const url = `${server.url}/api/v1/blobs/${hash.digest('hex')}`
  function* chunks(): Generator<Buffer> {
    for (let at = 0; at < size; at += chunk.length) yield chunk
  }
  const before = peakBytes(server.process.child.pid)
  const upload = request(url, { method: 'PUT' })
  const answered = once(upload, 'response')
  await pipeline(Readable.from(chunks()), upload)
  const [answer] = (await answered) as [IncomingMessage]
  expect([answer.statusCode, await json(answer)]).toMatchObject([201, { bytes: size }])
  const afterUpload = peakBytes(server.process.child.pid)
  let received = 0
  const download = await fetch(url)
  if (download.body === null) throw new Error('no body')
  for await (const part of download.body) received += part.length
  expect(received).toBe(size)
  const afterDownload = peakBytes(server.process.child.pid)
  const grown = { upload: (afterUpload - before) / MIB, download: (afterDownload - afterUpload) / MIB }
  process.stdout.write(`192 MiB: memory of the coordinator +${grown.upload.toFixed(0)} MiB in, +${grown.download.toFixed(0)} MiB out\n`)
  // the collector lets some 64 MiB of dead buffers lie; what matters is that the blob is not among them
  expect(grown.upload + grown.download).toBeLessThan(128)
})
