/** The wire fuzz, short or long. */
import { fileURLToPath } from 'node:url'
import type { JobId } from '@peercompute/job-specs'
import { BLOB_PROTOCOL, PEERS_PROTOCOL, TOPIC_PROTOCOL, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { expect } from 'vitest'
import { z } from 'zod'
import { seededRandom, startNode, startServer, testSeed, type TestServer } from '../../harness/index.ts'
import { joinByHand, u32, unitsOf } from '../../integration/parts/protocol-host.ts'
import { publish, queensJob } from '../../integration/parts/publish.ts'
import { fuzzBodies, fuzzWorkOverHttp, helloOf } from './fuzz-http.ts'
import { fuzzStreams } from './fuzz-streams.ts'
import type { Message } from './mutations.ts'
import { residentBytes } from './resident.ts'

const GROWTH_MAX_BYTES = 50_000_000
/** V8 lets garbage lie while there is room, and that would look like a leak. */
const TIGHT_HEAP = ['--max-old-space-size=128', '--max-semi-space-size=4']
const BLOB_CHILD = fileURLToPath(new URL('./blob-child.ts', import.meta.url))
const blobNodeSchema = z.object({ addresses: z.array(z.string()), peer: z.string(), sha256: z.string() })
const coordinatorSchema = z.object({ addresses: z.array(z.string()) })

export interface FuzzCounts {
  /** Work frames over `POST /work`. */
  readonly work: number
  /** JSON bodies. */
  readonly bodies: number
  /** Frames on each of the four libp2p protocols, a stream for each. */
  readonly streams: number
}

/** Fails when a process dies, complains, grows, or does not serve an honest host right afterwards. */
export async function fuzzEverything({ work, bodies, streams }: FuzzCounts): Promise<void> {
  const random = seededRandom(testSeed('wire fuzz'))
  const server = await startServer({ nodeArgs: TIGHT_HEAP })
  const blobNode = startNode(BLOB_CHILD, [], {}, { stdin: true, nodeArgs: TIGHT_HEAP })
  try {
    const [line] = await blobNode.line(/^\{.*\}$/m)
    const blobs = blobNodeSchema.parse(JSON.parse(line))
    const coordinator = coordinatorSchema.parse(await server.get('/api/v1/coordinator'))
    const messages = await workMessages(server)
    await honest(server)

    /** The first tenth warms caches and code; what grows after it is a leak. */
    const measured = async (
      name: string,
      count: number,
      pid: number | undefined,
      run: (frames: number) => Promise<unknown>
    ): Promise<void> => {
      const started = performance.now()
      await run(Math.ceil(count / 10))
      const before = residentBytes(pid)
      await run(count - Math.ceil(count / 10))
      const grown = residentBytes(pid) - before
      process.stdout.write(`${name}: ${count} in ${Math.round(performance.now() - started)} ms, ${Math.round(grown / 1e6)} MB more\n`)
      expect(grown, name).toBeLessThan(GROWTH_MAX_BYTES)
    }
    const pid = server.process.child.pid
    const over = (protocol: string, list: readonly Message[], width: number) => (frames: number) =>
      fuzzStreams({ addresses: coordinator.addresses, protocol, messages: list, width }, frames, random)

    await measured('work over HTTP', work, pid, (frames) => fuzzWorkOverHttp(server, messages, frames, random))
    await honest(server)
    await measured('bodies over HTTP', bodies, pid, (frames) => fuzzBodies(server, frames, random))
    await honest(server)
    await measured('work over streams', streams, pid, over(WORK_PROTOCOL, messages, 6))
    await honest(server)
    await measured(
      'topics',
      streams,
      pid,
      over(TOPIC_PROTOCOL, [{ message: { type: 'register', topic: `peercompute/room/${'a'.repeat(64)}` } }], 3)
    )
    await measured(
      'introductions',
      streams,
      pid,
      over(PEERS_PROTOCOL, [{ message: { type: 'introduce' }, attachment: new Uint8Array(60).fill(10) }], 2)
    )
    await honest(server)
    const get = { type: 'get', sha256: blobs.sha256, offset: 0, length: 1_000 }
    await measured('blobs', streams, blobNode.child.pid, (frames) =>
      fuzzStreams({ addresses: blobs.addresses, protocol: BLOB_PROTOCOL, messages: [{ message: get }], width: 4 }, frames, random)
    )
    expect(server.process.child.exitCode).toBeNull()
    expect(blobNode.child.exitCode).toBeNull()
    expect(server.process.stderr() + blobNode.stderr()).toBe('')
  } finally {
    await blobNode.end()
    await server.stop()
  }
}

/** Introduces itself, gets work, reports it, and sees it accepted: over both doors. */
async function honest(server: TestServer): Promise<void> {
  const { id } = await publish(server.url, await queensJob(6, { revision: ++revisions }))
  for (const transport of ['http', 'libp2p'] as const) {
    const host = await joinByHand(server.url, transport)
    const lease = await host.lease(1)
    const { report, values } = await host.reportOf(lease, unitsOf(lease), () => u32(1))
    expect((await host.session.report(report, values)).map(({ answer }) => answer)).toEqual(['accepted'])
    await host.leave()
  }
  expect((await server.job(id)).units.validated).toBeGreaterThanOrEqual(0)
}
let revisions = 0

/** One of each kind that a host sends, as it would be right but for its signatures. */
async function workMessages({ url }: TestServer): Promise<readonly Message[]> {
  const host = await joinByHand(url, 'http')
  const key = host.identity.certificate.host
  await host.leave()
  const job = 'a'.repeat(64) as JobId
  const { report, values } = await host.reportOf(
    { job, start: 0, count: 3, epoch: 1, executor: 'js', deadline: 0, durationMs: 1 },
    [0, 1, 2],
    u32
  )
  const challenge = 'A'.repeat(22)
  return [
    { message: helloOf(host.identity.certificate, { proof: { challenge, sig: 'A'.repeat(86) } }) },
    { message: helloOf(host.identity.certificate, { session: 'x'.repeat(43) }) },
    { message: { type: 'ask', id: 3, executor: 'js', units: 4, seconds: 1, knownJobs: [job] } },
    { message: { type: 'report', id: 4, report: { ...report, host: key } }, attachment: values },
    { message: { type: 'renew', id: 5, leases: [{ job, epoch: 1 }] } },
    { message: { type: 'release', id: 6, job, epoch: 1 } }
  ]
}
