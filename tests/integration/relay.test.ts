/** `peercompute relay`: a relay of its own that keeps the ledger, so that newcomers learn of jobs while the coordinator is away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { coordinatorInfoSchema, type RootId } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, memoryLedgerStore, type LedgerState } from '@peercompute/ledger'
import { createClientNode, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import { relayInfoSchema, type RelayInfo } from '@peercompute/relay-coordinator'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { startCli, startServer, until, type RunningProcess, type TestServer } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

const readySchema = z.object({
  url: z.string(),
  port: z.int(),
  peerId: z.string(),
  addresses: z.array(z.string()),
  root: z.string().nullable()
})
let folder = ''
let coordinator: TestServer
let relay: { process: RunningProcess; url: string; port: number; peerId: string; addresses: string[] }
const closing: (() => unknown)[] = []

async function startRelay(port: number, root: string) {
  const args = ['relay', '--port', String(port), '--data', join(folder, 'relay'), '--coordinator-root', root, '--json']
  const process = startCli(args)
  const [line] = await process.line(/^\{.*\}$/m, 60_000)
  return { process, ...readySchema.parse(JSON.parse(line)) }
}

const relayInfo = async (): Promise<RelayInfo> => relayInfoSchema.parse(await (await fetch(`${relay.url}/api/v1/relay`)).json())

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-relay-'))
  const dataDir = join(folder, 'coordinator')
  const first = await startServer({ dataDir })
  await first.stop()
  relay = await startRelay(0, first.root)
  coordinator = await startServer({ dataDir, args: relay.addresses.flatMap((address) => ['--also-relay', address]) })
})
afterAll(async () => {
  for (const close of closing.reverse()) await close()
  await coordinator.stop()
  await relay.process.end()
  rmSync(folder, { recursive: true, force: true })
})

/** What somebody learns who knows nothing but the relay's addresses and the coordinator's root. */
async function newcomer(root: RootId): Promise<() => LedgerState> {
  const { node } = await createClientNode({ relays: relay.addresses, webRtc: false })
  closing.push(() => node.stop())
  const supervisor = superviseRelay(node, relay.addresses)
  closing.push(() => {
    supervisor.stop()
  })
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  ledger.follow(root)
  const provider = await PeerComputeProvider.start(node, ledger)
  closing.push(() => provider.stop())
  const fold = createFold(root)
  closing.push(followLedger(ledger, fold))
  return () => fold.state()
}

it('is announced by the coordinator, holds its ledger, and hands it to newcomers when the coordinator has been killed', async () => {
  const { relays, root } = coordinatorInfoSchema.parse(await coordinator.get('/api/v1/coordinator'))
  expect(relays).toEqual(relay.addresses)
  expect(await (await fetch(`${relay.url}/healthz`)).json()).toEqual({ status: 'ok' })

  await until('the openings of both feeds at the relay', async () => (await relayInfo()).records === 2)
  const { id } = await publish(coordinator.url, await queensJob(6))
  await until('the admission at the relay', async () => (await relayInfo()).records === 3)
  expect(await relayInfo()).toMatchObject({ peerId: relay.peerId, addresses: relay.addresses, root, peers: 1 })
  await coordinator.process.end('SIGKILL')

  const state = await newcomer(root)
  await until('the job in the replica of a newcomer', () => state().jobs.get(id)?.admitted)
})

it('is the same relay with the same ledger after it was killed, too', async () => {
  const before = await relayInfo()
  await relay.process.end('SIGKILL')
  relay = await startRelay(relay.port, before.root ?? '')
  expect(await relayInfo()).toMatchObject({
    peerId: before.peerId,
    addresses: before.addresses,
    feeds: before.feeds,
    records: before.records
  })
})
