/** What goes into a replica's own store, when, and what is believed of it afterwards. */
import { encodeRecord, jobIdOf, recordHash, type KeyPair, type SignedSpec } from '@peercompute/job-specs'
import { afterEach, expect, test, vi } from 'vitest'
import { fixedKey, newLedger, openInstallation, signedJob, TIME, wholeFeed } from '../test/fixtures.ts'
import { bytesOf } from '../test/forge.ts'
import { account, client, feed, honest, recordAfter, records, source, victim } from '../test/hostile-scene.ts'
import { readFeedUpdate, writeFeedUpdate } from './feed-update.ts'
import { createFold, feedClientId, followLedger, memoryLedgerStore, type FeedName, type Ledger, type LedgerStore } from './index.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function stored(updates: readonly Uint8Array[], name: FeedName = feed): LedgerStore {
  const store = memoryLedgerStore()
  for (const update of updates) void store.save(name, update)
  return store
}

async function opened(store: LedgerStore): Promise<Ledger> {
  const ledger = newLedger({ store })
  await ledger.ready
  return ledger
}

const slices = records.map((_, from) => writeFeedUpdate(client, { from, records: records.slice(from, from + 1) }))

/** The honest feed with another signature under its second record, to which the third is bound properly. */
async function lyingInside(): Promise<Uint8Array[]> {
  const second = new Uint8Array(bytesOf(records, 1))
  second[0] = (second[0] ?? 0) ^ 1
  return [bytesOf(records, 0), second, await recordAfter(2, recordHash(second))]
}

test('of a stored feed one signature is checked, however many records it has and in however many parts it was saved', async () => {
  const checks = vi.spyOn(crypto.subtle, 'verify')
  for (const updates of [[honest], slices]) {
    checks.mockClear()
    const ledger = await opened(stored(updates))
    expect(ledger.foldHash()).toBe(source.foldHash())
    expect(ledger.entries(feed)).toEqual(source.entries(feed))
    // The last record, and the certificate in the first.
    expect(checks).toHaveBeenCalledTimes(2)
  }
})

test('a bad signature inside the chain is refused from others and believed of the own store, which cannot have come by it', async () => {
  const update = writeFeedUpdate(client, { from: 0, records: await lyingInside() })
  expect(await newLedger().admit(feed, update)).toEqual({ applied: false, refusal: 'signature' })
  expect((await opened(stored([update]))).heads()).toMatchObject([{ length: 3 }])
})

test('of a damaged store the part before the damage is kept, and nothing more is saved after it', async () => {
  for (const damaged of [1, 2]) {
    for (let at = 0; at < 120; at += 17) {
      const bytes = new Uint8Array(bytesOf(slices, damaged))
      bytes[bytes.length - 2 - at] = (bytes.at(-2 - at) ?? 0) ^ 4
      const ledger = await opened(stored(slices.with(damaged, bytes)))
      expect(ledger.heads()).toMatchObject([{ length: damaged }])
      const next = ledger.writer(victim).feed
      expect(next.epoch).toBe(feed.epoch + 1)
    }
  }
  const whole = new Uint8Array(honest)
  whole[whole.length - 20] = (whole.at(-20) ?? 0) ^ 4
  expect((await opened(stored([whole]))).heads()).toEqual([])
})

test('a forgery that a record carries is not stored, so that no restart makes it true', async () => {
  const [author, robbed] = [await fixedKey(30), await fixedKey(31)]
  const origin = newLedger()
  const own = await openInstallation(origin, author, robbed)
  const forged = { ...(await signedJob(robbed, 'mine')), sig: (await signedJob(author, 'mine')).sig }
  const store = memoryLedgerStore()
  const replica = newLedger({ store })
  const [opening] = readRecords(own.feed, wholeFeed(origin, own))
  if (opening === undefined) throw new Error('no opening')
  const publish = await published(author, own.feed, 1, recordHash(opening), forged)
  const after = await published(author, own.feed, 2, recordHash(publish), await signedJob(author, 'honest'))
  expect(await replica.admit(own.feed, writeFeedUpdate(feedClientId(own.feed), { from: 0, records: [opening, publish, after] }))).toEqual({
    applied: true,
    records: 3
  })
  await replica.saved()
  const again = await opened(store)
  expect([replica.heads(), again.heads()]).toMatchObject([[{ length: 3 }], [{ length: 1 }]])
  expect(again.lacks(own.feed, 3)).toBe(true)
  await again.admit(own.feed, replica.updateFrom(own.feed, 1) ?? new Uint8Array())
  expect(again.foldHash()).toBe(replica.foldHash())
  for (const ledger of [replica, again]) expect(jobsOf(ledger)).not.toContain(jobIdOf(forged.author, forged.spec))
  const third = await opened(store)
  expect(third.heads()).toMatchObject([{ length: 1 }])
})

test('foreign records do not wait for the disk, and all that came meanwhile is saved at once', async () => {
  const saves: Uint8Array[] = []
  const disk: PromiseWithResolvers<void> = Promise.withResolvers()
  const ledger = newLedger({
    store: {
      ...memoryLedgerStore(),
      save: (_feed, update) => {
        saves.push(update)
        return disk.promise
      }
    }
  })
  for (const slice of slices) expect(await ledger.admit(feed, slice)).toEqual({ applied: true, records: 1 })
  expect(ledger.foldHash()).toBe(source.foldHash())
  disk.resolve()
  await ledger.saved()
  expect(saves.map((update) => readRecords(feed, update).length)).toEqual([1, 2])
})

test('what could not be saved goes with the next records', async () => {
  let full = true
  const store = memoryLedgerStore()
  const ledger = newLedger({
    store: { ...store, save: (name, update) => (full ? Promise.reject(new Error('full')) : store.save(name, update)) }
  })
  await ledger.admit(feed, bytesOf(slices, 0))
  await ledger.admit(feed, bytesOf(slices, 1))
  await ledger.saved()
  full = false
  await ledger.admit(feed, bytesOf(slices, 2))
  await ledger.saved()
  expect((await opened(store)).foldHash()).toBe(source.foldHash())
})

test('a Buffer may be used again as soon as admit has been called', async () => {
  const ledger = newLedger()
  const buffer = Buffer.from(honest)
  const admission = ledger.admit(feed, buffer)
  buffer.fill(0)
  expect(await admission).toEqual({ applied: true, records: 3 })
})

function readRecords(name: FeedName, update: Uint8Array): readonly Uint8Array[] {
  const slice = readFeedUpdate(feedClientId(name), update)
  if (!slice.ok) throw new Error(slice.refusal)
  return slice.records
}

function published(key: KeyPair, { epoch }: FeedName, seq: number, prev: string, signed: SignedSpec): Promise<Uint8Array> {
  return encodeRecord(key, { epoch, head: { epoch, seq: seq - 1, hash: prev } }, 'job.publish', { signed }, TIME)
}

function jobsOf(ledger: Ledger): readonly string[] {
  const fold = createFold(account.publicKey)
  followLedger(ledger, fold)()
  return [...fold.state().jobs.keys()]
}
