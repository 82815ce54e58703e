/** P6: a thousand forged specifications and commands, over HTTP and in the ledger over libp2p: none is admitted, none is computed. */
import {
  coordinatorInfoSchema,
  generateKeyPair,
  jobIdOf,
  signJobCommand,
  signSpec,
  signedSpecSchema,
  type JobCommand,
  type JobSpec,
  type SignedSpec
} from '@peercompute/job-specs'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { createClientNode, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import type { NodeKernel } from '@peercompute/worker-client/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { postJob, publish, queensJob, type PublishedJob } from '../integration/parts/publish.ts'
import { comeFromDialledAddress, loopbackAddress } from '../load/dialled-address.ts'
import { hostileFeed } from './parts/hostile-feed.ts'
import { FORGERIES, forgedCommand, type Forger } from './parts/forged-specs.ts'

const OVER_HTTP = 100
const COMMANDS = 100
const OVER_LEDGER = 35
const CONTROL_UNITS = 36

let server: TestServer
let volunteer: NodeKernel
let forger: Forger
/** The jobs that are what they seem. */
const honest = new Set<string>()
let victimJob: PublishedJob
const leaving: (() => unknown)[] = []
let revision = 1_000
let senders = 0

beforeAll(async () => {
  comeFromDialledAddress()
  server = await startServer()
  const queens = await queensJob(6)
  const spec = (): JobSpec => ({ ...queens.spec, revision: ++revision })
  victimJob = await publish(server.url, queens)
  const custodialJob = await postJob(server.url, { spec: spec() })
  const { id } = z.object({ id: z.string() }).parse(await custodialJob.json())
  const { author: custodial } = signedSpecSchema.parse(await server.get(`/api/v1/jobs/${id}/spec`))
  const revoked = await generateKeyPair({ extractable: true })
  const { code, stderr } = await runCli(['revoke', revoked.publicKey, '--reason', 'a test', '--coordinator', server.url])
  expect(code, stderr).toBe(0)
  forger = { own: await generateKeyPair({ extractable: true }), victim: victimJob.author, custodial, revoked, spec }
  for (const one of [victimJob.id, id]) honest.add(one)
  volunteer = await startVolunteer(server.url, { name: 'executes whatever is admitted', foreign: true })
  await until('the jobs that are sound', async () => (await executed()) === honest.size * CONTROL_UNITS, 60_000)
}, 120_000)
afterAll(async () => {
  for (const leave of leaving) await leave()
  await volunteer.stop()
  await server.stop()
})

/** Units that anybody ever computed or was given. */
async function executed(): Promise<number> {
  const hosts = z.object({ validated: z.int(), rejected: z.int(), failed: z.int(), unitsHeld: z.int() })
  const answer = z.object({ hosts: z.array(hosts) }).parse(await server.get('/api/v1/hosts'))
  return answer.hosts.reduce((sum, { validated, rejected, failed, unitsHeld }) => sum + validated + rejected + failed + unitsHeld, 0)
}

/** Each from another address, so that what is refused is refused for what it is and not for coming too often. */
async function post(path: string, body: SignedSpec | JobCommand): Promise<{ readonly status: number; readonly code: string }> {
  const answer = await fetch(`http://${loopbackAddress(1_000 + (++senders % 200))}:${server.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  const { code = 'none' } = z.object({ code: z.string().optional() }).parse(await answer.json())
  return { status: answer.status, code }
}

async function nothingHappened(): Promise<void> {
  expect(new Set(await server.jobIds())).toEqual(honest)
  expect(await executed()).toBe(honest.size * CONTROL_UNITS)
}

it('over HTTP each is refused for what it is', async () => {
  const counts: string[] = []
  for (const [name, forge] of Object.entries(FORGERIES)) {
    const codes = new Set<string>()
    for (let index = 0; index < OVER_HTTP; index++) {
      const { status, code } = await post('/api/v1/jobs', await forge(forger, index))
      expect(status, `${name}: ${code}`).toBeGreaterThanOrEqual(400)
      expect(status, `${name}: ${code}`).toBeLessThan(500)
      codes.add(code)
    }
    counts.push(`${OVER_HTTP} × ${name}: ${[...codes].join(', ')}`)
    expect([...codes]).toEqual([name === 'revoked key' ? 'REVOKED' : 'JOB_SIGNATURE_INVALID'])
  }
  process.stdout.write(`${counts.join('\n')}\n`)
  await nothingHappened()
})

it('commands that are old, of somebody else, or signed for something else, change nothing', async () => {
  const job = await publish(server.url, { ...(await queensJob(6)), spec: { ...forger.spec(), unitCount: CONTROL_UNITS } })
  const last = Date.now() + 60_000
  const command = async (action: 'pause' | 'resume', ts: number) =>
    post(`/api/v1/jobs/${job.id}/${action}`, await signJobCommand(job.author, job.id, action, ts))
  honest.add(job.id)
  await until('the job', async () => (await server.job(job.id)).state === 'completed', 60_000)
  // A command that is sound, of an ended job: it is taken note of, so that those before it are old.
  await command('pause', last)
  const codes: Record<string, number> = {}
  for (let index = 0; index < COMMANDS; index++) {
    const forged = await forgedCommand({ ...forger, victim: job.author }, job.id, last, index)
    const { status, code } = await post(`/api/v1/jobs/${job.id}/cancel`, forged)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    codes[code] = (codes[code] ?? 0) + 1
  }
  process.stdout.write(`${COMMANDS} commands: ${JSON.stringify(codes)}\n`)
  expect(codes).toEqual({ REQUEST_INVALID: COMMANDS / 4, JOB_SIGNATURE_INVALID: (3 * COMMANDS) / 4 })
  await nothingHappened()
})

it('in feeds of the ledger, over libp2p, each is ignored', async () => {
  const { peerId } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
  const relays = [`/ip4/127.0.0.1/tcp/${server.port}/ws/p2p/${peerId}`]
  const { node } = await createClientNode({ relays, webRtc: false })
  leaving.unshift(() => node.stop())
  const supervisor = superviseRelay(node, relays)
  leaving.unshift(() => {
    supervisor.stop()
  })
  await until('the relay', () => supervisor.state.kind === 'connected')
  const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
  const own = await hostileFeed(ledger, forger.own)
  const revoked = await hostileFeed(ledger, forger.revoked)
  let sent = 0
  for (const [name, forge] of Object.entries(FORGERIES)) {
    const feed = name === 'revoked key' ? revoked : own
    for (let index = 0; index < OVER_LEDGER; index++) {
      await feed.add('job.publish', { signed: await forge(forger, index) })
      sent++
    }
  }
  // Somebody else's good specification, and the end of somebody else's job.
  for (let index = 0; index < OVER_LEDGER; index++) {
    await own.add('job.publish', { signed: await signSpec(forger.victim, forger.spec()) })
    await own.add('job.cancel', { job: victimJob.id })
    sent += 2
  }
  // Feeds are taken in their order: when the last of each is known, so are all before it.
  const sound = await signSpec(forger.own, forger.spec())
  await own.add('job.publish', { signed: sound })
  for (const feed of [revoked, own]) await feed.send()
  // With the first exchange all of it is asked for.
  const provider = await PeerComputeProvider.start(node, ledger)
  leaving.unshift(() => provider.stop())
  const id = jobIdOf(sound.author, sound.spec)
  honest.add(id)
  await until('the one that is sound', async () => (await server.jobIds()).includes(id), 60_000)
  const held = async () => (await (await fetch(`${server.url}/api/v1/ledger`)).text()).includes(forger.revoked.publicKey)
  await until('the feed of the revoked one', held, 60_000)
  await until('its units', async () => (await executed()) === honest.size * CONTROL_UNITS, 60_000)
  process.stdout.write(`${sent} in the ledger; with those over HTTP ${sent + COMMANDS + OVER_HTTP * Object.keys(FORGERIES).length}\n`)
  await nothingHappened()
  expect((await server.job(victimJob.id)).state).toBe('completed')
})
