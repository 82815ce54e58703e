/** Records of tomorrow's programs reach yesterday's replicas: kept, passed on, ignored, never punished. */
import { canonicalBytes, certifyHost, concat, fromBase64Url, NO_PREVIOUS, recordHash, sign, type KeyPair } from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { bytesOf, recordsOf } from '../test/forge.ts'
import { authorOf, fixedKey, newLedger, openInstallation, TIME, wholeFeed } from '../test/fixtures.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { createFold, feedClientId, followLedger } from './index.ts'

const [author, account, root] = await Promise.all([fixedKey(1), fixedKey(2), fixedKey(3)])

async function record(
  key: KeyPair,
  header: { v: number; type: string; seq: number; prev: string; epoch?: number },
  body: object
): Promise<Uint8Array> {
  const value = { epoch: 0, ...header, author: key.publicKey, ts: TIME, body }
  return concat([fromBase64Url(await sign(key, 'record', value)), canonicalBytes(value)])
}

test('an unknown type and a higher version are kept, handed on unchanged, and do not touch the state', async () => {
  const source = newLedger()
  const writer = await openInstallation(source, author, account)
  const feed = { ...writer.feed }
  const head = wholeFeed(source, writer)
  const fold = createFold(root.publicKey)
  const [old, next] = [newLedger(), newLedger()]
  await old.admit(feed, head)
  followLedger(old, fold)
  const before = fold.stateHash()
  const client = feedClientId(feed)
  const first = bytesOf(recordsOf(head), 0)
  const future = await record(author, { v: 1, type: 'blob.pin', seq: 1, prev: recordHash(first) }, { anything: [1, { deep: null }] })
  const higher = await record(author, { v: 2, type: 'job.publish', seq: 2, prev: recordHash(future) }, { shape: 'new' })
  expect(await old.admit(feed, writeFeedUpdate(client, { from: 1, records: [future, higher] }))).toEqual({ applied: true, records: 2 })
  expect(
    old
      .entries(feed)
      .slice(1)
      .map(({ known }) => known)
  ).toEqual(['unknown', 'unknown'])
  expect(fold.stateHash()).toBe(before)
  const passed = old.updateFrom(feed, 0)
  if (passed === null) throw new Error('nothing passed on')
  expect(await next.admit(feed, passed)).toEqual({ applied: true, records: 3 })
  expect(next.foldHash()).toBe(old.foldHash())
})

test('a known type whose body does not fit is kept and ignored', async () => {
  const source = newLedger()
  const writer = await openInstallation(source, author, account)
  const { feed } = writer
  const client = feedClientId(feed)
  const first = bytesOf(recordsOf(wholeFeed(source, writer)), 0)
  const odd = await record(author, { v: 1, type: 'job.cancel', seq: 1, prev: recordHash(first) }, { job: 'not an id' })
  expect(await source.admit(feed, writeFeedUpdate(client, { from: 1, records: [odd] }))).toEqual({ applied: true, records: 1 })
  expect(source.entries(feed)[1]?.known).toBeNull()
  const [replica, next] = [
    newLedger(),
    await record(author, { v: 1, type: 'job.cancel', seq: 2, prev: recordHash(odd) }, { job: 'd'.repeat(64) })
  ]
  await replica.admit(feed, source.updateFrom(feed, 0) ?? new Uint8Array(0))
  expect(await replica.admit(feed, writeFeedUpdate(client, { from: 2, records: [next] }))).toEqual({ applied: true, records: 1 })
})

test('a feed opened by a later version of the opening is kept, without any say', async () => {
  const feed = { author: authorOf(author), epoch: 0 }
  const certificate = await certifyHost(account, author.publicKey, 'x', TIME)
  const opening = await record(author, { v: 2, type: 'feed.open', seq: 0, prev: NO_PREVIOUS }, { certificate, more: true })
  const ledger = newLedger()
  expect(await ledger.admit(feed, writeFeedUpdate(feedClientId(feed), { from: 0, records: [opening] }))).toEqual({
    applied: true,
    records: 1
  })
  expect(ledger.entries(feed)[0]?.known).toBe('unknown')
})
