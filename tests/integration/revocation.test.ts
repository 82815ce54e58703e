/** The kill switch: what the operator revokes stops at every volunteer, whatever way the word takes, and nobody else can say it. */
import {
  certifyCoordinator,
  generateKeyPair,
  revocationAnswerSchema,
  signedSpecSchema,
  signSpec,
  type AuthorId,
  type JobId
} from '@peercompute/job-specs'
import type { Frame } from '@peercompute/job-specs/protocol'
import { memoryLedgerStore, type LedgerStore } from '@peercompute/ledger'
import { startLibp2pNetwork, type NodeKernel } from '@peercompute/worker-client/node'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { runCli, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { ownJob, postJob, publish, queensJob, type PublishedJob } from './parts/publish.ts'

const WITHIN_MS = 10_000

let server: TestServer
const leaving: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startServer()
})
afterEach(async () => {
  for (const leave of leaving.splice(0)) await leave()
})
afterAll(() => server.stop())

/** Never returns and never looks up: only the end of its process ends it. */
const hotJob = (name: string) =>
  ownJob(
    name,
    { js: 'export default () => { for (;;); }' },
    { unitCount: 64, limits: { unitSeconds: 600, outputBytes: 4, memoryBytes: 1_048_576 } }
  )

async function volunteer(name: string, options: Omit<Parameters<typeof startVolunteer>[1], 'name'> = {}): Promise<NodeKernel> {
  const kernel = await startVolunteer(server.url, { name, foreign: true, ...options })
  leaving.push(() => kernel.stop())
  return kernel
}

/** The coordinator's `stop` never gets through to this one. */
function deaf(ledgerStore: LedgerStore = memoryLedgerStore()): Parameters<typeof volunteer>[1] {
  async function* withoutStops(frames: AsyncIterable<Frame>): AsyncGenerator<Frame> {
    for await (const frame of frames) if ((frame.message as { type?: unknown }).type !== 'stop') yield frame
  }
  return {
    parts: {
      ledgerStore,
      startPeers: async (info) => {
        const network = await startLibp2pNetwork(info)
        return {
          ...network,
          openWorkChannel: async (to, signal) => {
            const channel = await network.openWorkChannel(to, signal)
            return {
              ...channel,
              frames: withoutStops(channel.frames),
              send: channel.send.bind(channel),
              close: channel.close.bind(channel)
            }
          }
        }
      }
    }
  }
}

const computes = (kernel: NodeKernel, job: JobId): boolean => {
  const { currentJobs, executors } = kernel.snapshot()
  return currentJobs.some(({ id }) => id === job) && executors.some((executor) => executor.job === job && executor.busyUnits > 0)
}

async function revoke(what: string): Promise<{ readonly jobs: readonly string[]; readonly announced: boolean }> {
  const said = await runCli(['revoke', what, '--reason', 'a test', '--coordinator', server.url, '--json'])
  expect(said.code, said.stderr).toBe(0)
  return revocationAnswerSchema.parse(JSON.parse(said.stdout))
}

/** All must compute it; then the seconds until the last one has stopped, counted from the operator's command. */
async function secondsToStop(kernels: readonly NodeKernel[], { id }: PublishedJob, what: string): Promise<number> {
  await until('the hot kernel everywhere', () => kernels.every((kernel) => computes(kernel, id)), 60_000)
  const startedAt = performance.now()
  expect(await revoke(what)).toMatchObject({ jobs: [id], announced: true })
  const going = () => kernels.flatMap((kernel, index) => (computes(kernel, id) ? [index] : []))
  await until('that nobody computes it', () => going().length === 0, 30_000).catch((cause: unknown) => {
    throw new Error(`volunteers ${going().join(', ')} go on`, { cause })
  })
  return (performance.now() - startedAt) / 1_000
}

it('a revoked job stops within ten seconds over libp2p, over HTTP alone, and where only the ledger gets through; then other work goes on', async () => {
  const store = memoryLedgerStore()
  const kernels = [await volunteer('connected'), await volunteer('http', { peers: false }), await volunteer('deaf', deaf(store))]
  const job = await publish(server.url, hotJob('hot'))
  const seconds = await secondsToStop(kernels, job, job.id)
  console.log(`revoked: the last of three volunteers stopped after ${seconds.toFixed(1)} s`)
  expect(seconds).toBeLessThan(WITHIN_MS / 1_000)
  expect(await server.job(job.id)).toMatchObject({ state: 'cancelled', why: { code: 'revoked' } })

  // Their threads are free again, so the kernels were killed and not only forgotten.
  const next = await publish(server.url, await queensJob(6, { verification: { quorum: 3, independence: 'host' } }))
  await until('the next job', async () => (await server.job(next.id)).state === 'completed', 60_000)

  const [, , last] = kernels
  await last?.state.ledger.saved()
  await last?.stop()
  await server.killAndRestart()
  const again = await volunteer('after a reload', deaf(store))
  await until('what it had stored', () => again.state.isRevoked(job.id, job.author.publicKey as AuthorId))
  const sentAgain = await postJob(server.url, signedSpecSchema.parse(await server.get(`/api/v1/jobs/${job.id}/spec`)))
  expect([sentAgain.status, await sentAgain.json()]).toMatchObject([403, { code: 'REVOKED' }])
})

it('a revoked key stops all jobs of its author, and those that come later are refused', async () => {
  const kernels = [await volunteer('connected'), await volunteer('deaf', deaf())]
  const job = await publish(server.url, hotJob('bad-author'))
  const seconds = await secondsToStop(kernels, job, job.author.publicKey)
  expect(seconds).toBeLessThan(WITHIN_MS / 1_000)
  const later = await postJob(server.url, await signSpec(job.author, hotJob('another').spec))
  expect([later.status, await later.json()]).toMatchObject([403, { code: 'REVOKED' }])
})

it('nobody but the coordinator revokes: a forged record reaches everybody and stops nothing', async () => {
  const [honest, forger] = [await volunteer('honest'), await startVolunteer(server.url, { name: 'forger', change: (worker) => worker })]
  leaving.push(() => forger.stop())
  const job = await publish(server.url, hotJob('wanted-dead'))
  await until('the hot kernel', () => computes(honest, job.id), 60_000)

  const [root, key] = await Promise.all([generateKeyPair({ extractable: true }), generateKeyPair({ extractable: true })])
  const writer = forger.state.ledger.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, key.publicKey, 1_000_000, 1) })
  await writer.append('job.revoke', { job: job.id, reason: 'because I say so' })
  await writer.append('key.revoke', { key: job.author.publicKey as AuthorId, reason: 'because I say so' })
  await until('the forged feed at the volunteer', () => honest.state.ledger.entries(writer.feed).length === 3, 30_000)
  expect(honest.state.isRevoked(job.id, job.author.publicKey as AuthorId)).toBe(false)
  expect(computes(honest, job.id)).toBe(true)
  expect(await server.job(job.id)).toMatchObject({ state: 'running' })

  // The same job stops when the right key says it.
  await revoke(job.id)
  await until('that it has stopped', () => !computes(honest, job.id), WITHIN_MS)
})
