import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { certifyCoordinator, generateKeyPair, jobIdOf, signSpec, type AuthorId, type RootId } from '@peercompute/job-specs'
import { LEDGER_ANSWER_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { createLedger, exportLedger, importLedger, memoryLedgerStore, type Ledger } from '@peercompute/ledger'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { testIdentity } from '../test-support/test-identity.ts'
import { testSpec } from '../test-support/test-job.ts'
import { ledgerDownload } from './download-ledger.ts'
import { HEAD_START_MS } from './head-start.ts'
import { createStateManager, type StateManager } from './state-manager.ts'

const NOW = 1_750_000_000_000
let source: Ledger
let root: RootId
let server: Server
let clock: FakeClock
let asked: IncomingMessage[]
let answer: (request: IncomingMessage, response: ServerResponse) => void
let managers: StateManager[]

beforeEach(async () => {
  const [rootKey, key] = await Promise.all([generateKeyPair({ extractable: true }), generateKeyPair({ extractable: true })])
  root = rootKey.publicKey as RootId
  source = createLedger({ now: () => NOW, store: memoryLedgerStore() })
  const writer = source.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(rootKey, key.publicKey, 1, 1) })
  const signed = await signSpec(key, testSpec())
  await writer.append('job.admit', { job: jobIdOf(signed.author, signed.spec), signed, custodial: false })
  asked = []
  managers = []
  answer = (_request, response) => response.end(exportLedger(source))
  server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  clock = createFakeClock(NOW)
})
afterEach(async () => {
  for (const manager of managers) manager.stop()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function manager(store = memoryLedgerStore()): Promise<StateManager> {
  const { port } = server.address() as AddressInfo
  const download = ledgerDownload(`http://127.0.0.1:${port}`, fetch)
  const created = createStateManager({ identity: await testIdentity(), store, clock, download })
  managers.push(created)
  return created
}

it('brings a newcomer the whole ledger before there is any peer, as soon as the root is known', async () => {
  const here = await manager()
  const fetched = here.fetchLedger()
  await until(() => asked.length === 1, 'the ledger is asked for')
  expect(asked[0]?.url).toBe('/api/v1/ledger')
  here.follow(root)
  await fetched
  expect(here.state()?.jobs.size).toBe(1)
  expect(here.ledger.foldHash()).toBe(source.foldHash())
})

it('is left out by who has been here lately, and taken by who comes back after long, naming what is held', async () => {
  const here = await manager()
  await importLedger(here.ledger, exportLedger(source))
  here.follow(root)
  await here.fetchLedger()
  expect(asked).toHaveLength(0)
  clock.advance(2 * 86_400_000)
  answer = (_request, response) => response.writeHead(304).end()
  await here.fetchLedger()
  expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([`"${source.foldHash()}"`])
})

it.each<[string, typeof answer]>([
  ['an older coordinator', (_request, response) => response.writeHead(404).end('{}')],
  ['no ledger file', (_request, response) => response.end('<!doctype html>')],
  ['half a ledger file', (_request, response) => response.end(exportLedger(source).subarray(0, 900))],
  [
    'a line that breaks',
    (_request, response) => {
      response.writeHead(200, { 'content-length': '5000' }).write('x')
      response.destroy()
    }
  ],
  [
    'more than there may be',
    (_request, response) => {
      const chunk = new Uint8Array(1_048_576)
      for (let sent = 0; sent <= LEDGER_ANSWER_MAX_BYTES; sent += chunk.length) response.write(chunk)
      response.end()
    }
  ]
])('goes on with peers after %s', async (_name, what) => {
  answer = what
  const here = await manager()
  here.follow(root)
  const shared: Ledger[] = []
  const fetching = here.fetchLedger()
  const sharing = here.share({ share: async (ledger: Ledger) => void shared.push(ledger) })
  await Promise.all([fetching, sharing])
  expect(shared).toEqual([here.ledger])
  expect(here.state()?.jobs.size).toBe(0)
})

it('takes nothing of a file that does not verify', async () => {
  const bytes = exportLedger(source)
  bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) ^ 1
  answer = (_request, response) => response.end(bytes)
  const here = await manager()
  here.follow(root)
  await here.fetchLedger()
  expect(here.ledger.heads()).toEqual([])
})

it('lets peers begin when nothing comes for long, and at once when the volunteer stops', async () => {
  answer = () => undefined
  const here = await manager()
  here.follow(root)
  let over = false
  const fetching = here.fetchLedger().then(() => (over = true))
  await until(() => asked.length === 1, 'the ledger is asked for')
  clock.advance(HEAD_START_MS - 1)
  expect(over).toBe(false)
  clock.advance(1)
  await fetching
  const stopped = await manager()
  const waiting = stopped.fetchLedger()
  await until(() => asked.length === 2, 'the ledger is asked for')
  stopped.stop()
  await waiting
})

it('does not take own records for knowledge of the others', async () => {
  const here = await manager()
  await here.publish(testSpec())
  here.follow(root)
  await here.fetchLedger()
  expect(asked).toHaveLength(1)
  expect(here.ledger.heads().map(({ author }): AuthorId => author)).toHaveLength(2)
})
