import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { certifyCoordinator, generateKeyPair, jobIdOf, signSpec, type RootId } from '@peercompute/job-specs'
import { createLedger, exportLedger, importLedger, memoryLedgerStore, type FeedWriter, type Ledger } from '@peercompute/ledger'
import { EXPORT_AGE_MS } from '../ledger/exported-ledger.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { DEFAULT_RATE_LIMITS } from './limits.ts'

const PLAIN = { 'accept-encoding': 'identity' }
let ledger: Ledger
let writer: FeedWriter
let parts: TestApp

beforeEach(async () => {
  ledger = createLedger({ now: () => 0, store: memoryLedgerStore() })
  const [root, key] = await Promise.all([generateKeyPair({ extractable: true }), generateKeyPair({ extractable: true })])
  ledger.follow(root.publicKey as RootId)
  writer = ledger.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, key.publicKey, 1, 1) })
  await admitJob()
  parts = await createTestApp({ ledger, rateLimits: { ...DEFAULT_RATE_LIMITS, ledger: 5 } })
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
  ledger.close()
})

async function admitJob(): Promise<void> {
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec())
  await writer.append('job.admit', { job: jobIdOf(signed.author, signed.spec), signed, custodial: false })
}

const get = (headers: Record<string, string> = PLAIN, remoteAddress = '127.0.0.1') =>
  parts.app.inject({ url: '/api/v1/ledger', headers, remoteAddress })

it('serves the ledger as the file that any replica would export, compressed where that is understood', async () => {
  const plain = await get()
  expect([plain.statusCode, plain.headers['content-type'], plain.headers['content-encoding'], plain.headers['vary']]).toEqual([
    200,
    'application/octet-stream',
    undefined,
    'accept-encoding'
  ])
  expect(new Uint8Array(plain.rawPayload)).toEqual(exportLedger(ledger))
  const zipped = await get({ 'accept-encoding': 'br, gzip' })
  expect(zipped.headers['content-encoding']).toBe('gzip')
  expect(zipped.rawPayload.length).toBeLessThan(plain.rawPayload.length)
  expect(gunzipSync(zipped.rawPayload)).toEqual(plain.rawPayload)
  const newcomer = createLedger({ now: () => 0, store: memoryLedgerStore() })
  expect(await importLedger(newcomer, plain.rawPayload)).toEqual([])
  expect(newcomer.foldHash()).toBe(ledger.foldHash())
})

it('says that nothing has changed to whoever names what it holds, and is made again when it has, but not for every record', async () => {
  const { etag = '' } = (await get()).headers
  expect(etag).toContain(ledger.foldHash())
  for (const known of [etag, `"${ledger.foldHash()}"`]) {
    const answer = await get({ ...PLAIN, 'if-none-match': known })
    expect([answer.statusCode, answer.rawPayload.length]).toEqual([304, 0])
  }
  await admitJob()
  expect((await get()).headers.etag).toBe(etag)
  parts.clock.advance(EXPORT_AGE_MS)
  const later = await get({ ...PLAIN, 'if-none-match': etag })
  expect([later.statusCode, new Uint8Array(later.rawPayload)]).toEqual([200, exportLedger(ledger)])
})

it('is asked by one address only so often', async () => {
  const codes = []
  for (let i = 0; i < 6; i++) codes.push((await get(PLAIN, '203.0.113.9')).statusCode)
  expect(codes).toEqual([200, 200, 200, 200, 200, 429])
})

it('is not there where no ledger is kept', async () => {
  await using bare = await createTestApp()
  expect((await bare.app.inject('/api/v1/ledger')).json()).toMatchObject({ code: 'NOT_FOUND' })
})
