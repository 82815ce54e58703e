/** `peercompute serve --relays 2`: volunteers meet relay processes, and the scheduler through them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { coordinatorInfoSchema, type CoordinatorInfo } from '@peercompute/job-specs'
import { WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { createFold, createLedger, followLedger, memoryLedgerStore } from '@peercompute/ledger'
import { createClientNode, handleChannel, openChannel, PeerComputeProvider, superviseRelays } from '@peercompute/p2p'
import { createIdentity, type NodeKernel } from '@peercompute/worker-client/node'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { startCli, startVolunteer, until, type RunningProcess } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

const readySchema = z.object({
  url: z.string(),
  root: z.string(),
  relays: z.array(z.object({ peerId: z.string(), pid: z.int(), addresses: z.array(z.string()) })).length(2)
})

let folder = ''
let server: RunningProcess
let ready: z.infer<typeof readySchema>
const closing: (() => unknown)[] = []
const volunteers: NodeKernel[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-relays-'))
  server = startCli(['serve', '--port', '0', '--data', folder, '--relays', '2', '--json'])
  const [line] = await server.line(/^\{.*\}$/m, 60_000)
  ready = readySchema.parse(JSON.parse(line))
  // All come from one address: the third is one too many for the relay of the first two.
  volunteers.push(...(await Promise.all(['one', 'two', 'three'].map((name) => startVolunteer(ready.url, { name })))))
})
afterAll(async () => {
  for (const close of closing.reverse()) await close()
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  await server.end()
  rmSync(folder, { recursive: true, force: true })
})

async function info(relay = ''): Promise<CoordinatorInfo> {
  return coordinatorInfoSchema.parse(await (await fetch(`${ready.url}/api/v1/coordinator?relay=${relay}`)).json())
}

/** By relay process, in order. */
async function metric(name: string): Promise<number[]> {
  const text = await (await fetch(`${ready.url}/metrics`)).text()
  return [...text.matchAll(new RegExp(`^peercompute_relay_${name}\\{relay="\\d+"\\} (\\d+)$`, 'gm'))].map(([, value]) => Number(value))
}

const connected = (): boolean => volunteers.every((volunteer) => volunteer.snapshot().network.connection === 'connected')
const overPeers = (): boolean => volunteers.every((volunteer) => volunteer.snapshot().network.transport === 'libp2p')

it('spreads volunteers over the relays, and tells each of one', async () => {
  await until('the volunteers', () => connected() && overPeers(), 30_000)
  await until('their streams at both relays', async () => (await metric('work_streams')).toSorted().join() === '1,2')
  for (const { peerId, addresses } of ready.relays) expect(await info(peerId)).toMatchObject({ peerId, addresses, relays: [] })
  expect(ready.relays.map(({ peerId }) => peerId)).toContain((await info()).peerId)
  const { id } = await publish(ready.url, await queensJob(8, { verification: { quorum: 2, independence: 'host' } }))
  await until('the job', async () => {
    const { state } = z.object({ state: z.string() }).parse(await (await fetch(`${ready.url}/api/v1/jobs/${id}`)).json())
    return state === 'completed'
  })
})

/** A client of one of the relays, with a replica of the ledger. */
async function clientOf({ addresses }: { readonly addresses: readonly string[] }) {
  const { node, discovery } = await createClientNode({ relays: addresses, webRtc: false })
  closing.push(() => node.stop())
  const supervisor = superviseRelays(node, [addresses])
  closing.push(() => {
    supervisor.stop()
  })
  const root = (await info()).root
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  ledger.follow(root)
  const provider = await PeerComputeProvider.start(node, ledger)
  closing.push(() => provider.stop())
  const fold = createFold(root)
  closing.push(followLedger(ledger, fold))
  return { node, id: node.peerId.toString(), known: () => discovery?.known() ?? [], state: () => fold.state() }
}

it('brings ledger and announcements to the clients of all relays, and lets them talk through the relay of the other', async () => {
  const clients = await Promise.all(ready.relays.map(clientOf))
  const { id } = await publish(ready.url, await queensJob(6))
  const [one, other] = clients
  if (one === undefined || other === undefined) throw new Error('Two relays were asked for')
  await until('the job in both replicas', () => clients.every(({ state }) => state().jobs.get(id)?.admitted))
  await until('each to know of the other', () => one.known().includes(other.id) && other.known().includes(one.id))

  const protocol = '/peercompute/test-relays/1'
  await handleChannel(other.node, protocol, { limit: 1_000, maxInboundStreams: 1 }, async (channel) => {
    for await (const { message } of channel.frames) await channel.send({ echo: message })
  })
  const channel = await openChannel(one.node, other.id, protocol, { limit: 1_000, signal: AbortSignal.timeout(10_000) })
  await channel.send({ n: 1 })
  for await (const { message } of channel.frames) {
    expect(message).toEqual({ echo: { n: 1 } })
    break
  }
  expect(one.node.getConnections(other.node.peerId).map(({ remoteAddr }) => remoteAddr.toString())).toEqual([
    expect.stringContaining(`${ready.relays[1]?.peerId ?? ''}/p2p-circuit`)
  ])
  await channel.close()
})

it('starts a relay again that was killed in the middle of a job, and nothing is lost', async () => {
  const { id } = await publish(ready.url, await queensJob(15, { verification: { quorum: 2, independence: 'host' } }))
  const job = async () =>
    z
      .object({ state: z.string(), unitCount: z.int(), units: z.object({ validated: z.int() }) })
      .parse(await (await fetch(`${ready.url}/api/v1/jobs/${id}`)).json())
  await until('results', async () => (await job()).units.validated > 0)
  const before = await job()
  expect(before.state).toBe('running')
  for (const { pid } of ready.relays.slice(0, 1)) process.kill(pid, 'SIGKILL')
  await until('the relay to be up again', async () => (await metric('restarts'))[0] === 1 && (await metric('up')).join() === '1,1')
  await until('the job', async () => (await job()).state === 'completed', 60_000)
  expect((await job()).units.validated).toBe(before.unitCount)
  expect(await info(ready.relays[0]?.peerId)).toMatchObject(ready.relays.map(({ peerId, addresses }) => ({ peerId, addresses }))[0] ?? {})
  await until(
    'all to be back on the same relays',
    async () => overPeers() && (await metric('work_streams')).toSorted().join() === '1,2',
    30_000
  )
})

it('ends the connection of a peer that floods, at the relay where it is, and no other', async () => {
  const [relay] = ready.relays
  if (relay === undefined) throw new Error('Two relays were asked for')
  const { node } = await createClientNode({ relays: relay.addresses, webRtc: false })
  closing.push(() => node.stop())
  await node.dial(relay.addresses.map((address) => multiaddr(address)))
  const still = () => node.getConnections().length > 0
  const { certificate } = await createIdentity({ label: '', now: Date.now(), extractableHost: true })
  const hello = {
    type: 'hello',
    id: 1,
    minVersion: 1,
    maxVersion: 1,
    capabilities: [],
    certificate,
    host: {
      agent: 'test/flood',
      memoryBytes: 0,
      executors: [{ kind: 'js', slots: 1, numericClass: 'test', probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }]
    }
  }
  const channel = await openChannel(node, relay.peerId, WORK_PROTOCOL, { limit: 4_096, signal: AbortSignal.timeout(5_000) })
  for (let sent = 0; sent < 300; sent++) channel.send(hello).catch(() => undefined)
  await until('the relay to hang up', () => !still(), 5_000)
  // The dialler's half of the handshake may still succeed.
  await node
    .dial(
      relay.addresses.map((address) => multiaddr(address)),
      { signal: AbortSignal.timeout(5_000) }
    )
    .catch(() => undefined)
  await until('it to be kept out', () => !still(), 5_000)
  expect(overPeers()).toBe(true)
  expect((await metric('work_streams')).toSorted()).toEqual([1, 2])
})

it('leaves no process behind when the scheduler is killed', async () => {
  const scheduler = server.child.pid
  await server.end('SIGKILL')
  expect(scheduler).toBeDefined()
  await until('the relays to end', async () => {
    const answers = await Promise.allSettled(
      ready.relays.map(({ addresses: [address = ''] }) => fetch(`http://127.0.0.1:${/\/tcp\/(\d+)/.exec(address)?.[1] ?? ''}/healthz`))
    )
    return answers.every(({ status }) => status === 'rejected')
  })
})
