import { PeerComputeError, type AuthorId, type ContentHash, type JobId } from '@peercompute/job-specs'
import { LEDGER_FRAME_MAX_BYTES, encodeFrame } from '@peercompute/job-specs/protocol'
import * as Y from 'yjs'
import { expect, test } from 'vitest'
import { authorOf, fixedKey, newLedger, openCoordinator, openInstallation, signedJob, wholeFeed } from '../test/fixtures.ts'
import { feedClientId, FEED_ROOT, memoryLedgerStore, type LedgerEntry, type LedgerStore } from './index.ts'

const [author, account, root] = await Promise.all([fixedKey(1), fixedKey(2), fixedKey(3)])
const job = '0'.repeat(64) as JobId
const NOTHING_STORED = { feeds: [], snapshot: null, forks: [] }

function storeWith(part: Partial<LedgerStore>): LedgerStore {
  return { ...memoryLedgerStore(), ...part }
}

test('what is appended here is admitted there, record by record, and both hash alike', async () => {
  const [here, there] = [newLedger(), newLedger()]
  const seen: LedgerEntry[] = []
  there.onEntry((entry) => seen.push(entry))
  const updates: Uint8Array[] = []
  here.onAppend((_, update) => updates.push(update))
  const writer = await openInstallation(here, author, account)
  const signed = await signedJob(author, 'one')
  await writer.append('job.publish', { signed })
  for (const update of updates) expect(await there.admit(writer.feed, update)).toEqual({ applied: true, records: 1 })
  expect(there.heads()).toEqual([{ author: author.publicKey, epoch: 0, length: 2 }])
  expect(there.foldHash()).toBe(here.foldHash())
  expect(seen.map(({ record }) => record.type)).toEqual(['feed.open', 'job.publish'])
  expect(there.entries(writer.feed)).toEqual(here.entries(writer.feed))
})

test('appends that wait together travel in one update, in the order in which they were asked for', async () => {
  const ledger = newLedger()
  const updates: Uint8Array[] = []
  const writer = await openInstallation(ledger, author, account)
  ledger.onAppend((_, update) => updates.push(update))
  await Promise.all(Array.from({ length: 20 }, (_, unit) => writer.append('units.settle', settled(unit))))
  expect(updates.length).toBeLessThanOrEqual(2)
  expect(
    ledger
      .entries(writer.feed)
      .slice(1)
      .map(({ record }) => record.body['start'])
  ).toEqual(Array.from({ length: 20 }, (_, unit) => unit))
})

test('a batch stays within what gossip carries', async () => {
  const ledger = newLedger()
  const updates: Uint8Array[] = []
  const writer = await openInstallation(ledger, author, account)
  ledger.onAppend((_, update) => updates.push(update))
  await Promise.all(Array.from({ length: 300 }, (_, unit) => writer.append('units.settle', settled(unit))))
  expect(ledger.entries(writer.feed)).toHaveLength(301)
  expect(updates.length).toBeGreaterThan(1)
  for (const update of updates) expect(update.length).toBeLessThan(65_536)
})

test('an update may overlap what is held, and one that brings nothing new is stale', async () => {
  const [here, there] = [newLedger(), newLedger()]
  const writer = await openInstallation(here, author, account)
  await there.admit(writer.feed, wholeFeed(here, writer))
  await writer.append('job.cancel', { job })
  expect(await there.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: true, records: 1 })
  expect(await there.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: false, refusal: 'stale' })
  expect(await there.admit(writer.feed, Uint8Array.of(0, 0))).toEqual({ applied: false, refusal: 'stale' })
  expect(there.foldHash()).toBe(here.foldHash())
})

test('an update past the end is a gap and leaves nothing behind; the missing part closes it', async () => {
  const [here, there] = [newLedger(), newLedger()]
  const writer = await openInstallation(here, author, account)
  for (let i = 0; i < 3; i++) await writer.append('job.cancel', { job })
  const tail = here.updateFrom(writer.feed, 2)
  if (tail === null) throw new Error('no tail')
  expect(await there.admit(writer.feed, tail)).toEqual({ applied: false, refusal: 'gap' })
  expect(there.heads()).toEqual([])
  await there.admit(writer.feed, wholeFeed(here, writer))
  expect(there.foldHash()).toBe(here.foldHash())
})

test('updates merged by Yjs are admitted like single ones', async () => {
  const [here, there] = [newLedger(), newLedger()]
  const updates: Uint8Array[] = []
  here.onAppend((_, update) => updates.push(update))
  const writer = await openInstallation(here, author, account)
  for (let i = 0; i < 5; i++) await writer.append('job.cancel', { job })
  expect(await there.admit(writer.feed, Y.mergeUpdates(updates))).toEqual({ applied: true, records: 6 })
})

test('what a replica hands on is a plain Yjs document with the feed as an array of bytes', async () => {
  const ledger = newLedger()
  const writer = await openInstallation(ledger, author, account)
  await writer.append('job.cancel', { job })
  const doc = new Y.Doc()
  Y.applyUpdate(doc, wholeFeed(ledger, writer))
  expect(doc.getArray(FEED_ROOT).length).toBe(2)
  expect([...Y.decodeStateVector(Y.encodeStateVector(doc))]).toEqual([[feedClientId(writer.feed), 2]])
  expect(ledger.updateFrom(writer.feed, 2)).toBeNull()
  expect(ledger.updateFrom({ ...writer.feed, epoch: 7 }, 0)).toBeNull()
})

test('a ledger opened on the same store holds the same feeds and goes on with its own', async () => {
  const store = memoryLedgerStore()
  const first = newLedger({ store })
  const writer = await openInstallation(first, author, account)
  await writer.append('job.cancel', { job })
  const hash = first.foldHash()
  first.close()
  const second = newLedger({ store })
  await second.ready
  expect(second.foldHash()).toBe(hash)
  await second.writer(author).append('job.cancel', { job })
  expect(second.heads()).toEqual([{ author: author.publicKey, epoch: 0, length: 3 }])
})

test('admitted feeds are stored too, re-encoded without what the sender padded them with', async () => {
  const store = memoryLedgerStore()
  const [here, there] = [newLedger(), newLedger({ store })]
  const writer = await openInstallation(here, author, account)
  await there.admit(writer.feed, wholeFeed(here, writer))
  await writer.append('job.cancel', { job })
  await there.admit(writer.feed, wholeFeed(here, writer))
  const stored = await store.load()
  expect(stored.feeds.map(({ update }) => Y.decodeUpdate(update).structs.length)).toEqual([1, 1])
})

test('stored bytes that do not verify are not loaded, and the own feed goes on in a new epoch', async () => {
  const store = memoryLedgerStore()
  const first = newLedger({ store })
  const writer = await openInstallation(first, author, account)
  const [saved] = (await store.load()).feeds
  if (saved === undefined) throw new Error('nothing saved')
  const damaged = saved.update.slice()
  damaged[damaged.length - 10] = (damaged.at(-10) ?? 0) ^ 1
  const second = newLedger({
    store: storeWith({ load: () => Promise.resolve({ ...NOTHING_STORED, feeds: [{ feed: writer.feed, update: damaged }] }) })
  })
  await second.ready
  expect(second.heads()).toEqual([])
  await openInstallation(second, author, account)
  expect(second.heads()).toEqual([{ author: author.publicKey, epoch: 1, length: 1 }])
})

test('a store that cannot load lets others be heard but appends nothing, since the head is unknown', async () => {
  const here = newLedger()
  const writer = await openInstallation(here, author, account)
  const blind = newLedger({
    store: storeWith({ load: () => Promise.reject(new PeerComputeError('STORE_FULL', 'no disk')) })
  })
  expect(await blind.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: true, records: 1 })
  await expect(blind.ready).rejects.toMatchObject({ code: 'STORE_FULL' })
  await expect(blind.writer(author).append('job.cancel', { job })).rejects.toMatchObject({ code: 'STORE_FULL' })
})

test('an append that cannot be saved is neither applied nor announced, and the next one takes its place', async () => {
  let full = false
  const ledger = newLedger({
    store: storeWith({ save: () => (full ? Promise.reject(new PeerComputeError('STORE_FULL', 'no disk')) : Promise.resolve()) })
  })
  const writer = await openInstallation(ledger, author, account)
  const announced: number[] = []
  ledger.onAppend((_, update) => announced.push(update.length))
  full = true
  await expect(writer.append('job.cancel', { job })).rejects.toMatchObject({ code: 'STORE_FULL' })
  expect([ledger.heads()[0]?.length, announced.length]).toEqual([1, 0])
  full = false
  await writer.append('job.cancel', { job })
  expect([ledger.heads()[0]?.length, announced.length]).toEqual([2, 1])
})

test('a foreign feed that cannot be saved is held in memory all the same', async () => {
  const here = newLedger()
  const writer = await openInstallation(here, author, account)
  const there = newLedger({
    store: storeWith({ save: () => Promise.reject(new PeerComputeError('STORE_FULL', 'no disk')) })
  })
  expect(await there.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: true, records: 1 })
})

test('an append that peers would refuse is refused here, and spoils nothing for those around it', async () => {
  const ledger = newLedger()
  const writer = ledger.writer(author)
  await expect(writer.append('job.cancel', { job })).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  await openInstallation(ledger, author, account)
  const signed = await signedJob(author, 'one')
  const forged = { ...signed, spec: { ...signed.spec, title: 'another' } }
  const outcomes = await Promise.allSettled([
    writer.append('job.cancel', { job }),
    writer.append('job.publish', { signed: forged }),
    writer.append('units.settle', { ...settled(0), count: Number.NaN }),
    writer.append('job.publish', { signed })
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(ledger.heads()).toEqual([{ author: author.publicKey, epoch: 0, length: 3 }])
})

test("a feed cannot be opened with somebody else's certificate", async () => {
  const ledger = newLedger()
  const stranger = await fixedKey(9)
  const other = newLedger()
  const theirs = await openInstallation(other, stranger, account)
  const opening = other.entries(theirs.feed)[0]?.known
  if (opening === undefined || opening === null || opening === 'unknown' || opening.type !== 'feed.open') throw new Error('not open')
  await expect(ledger.writer(author).append('feed.open', opening.body)).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
})

test('a full feed goes on in the next epoch, opened with the same certificate', async () => {
  const ledger = newLedger({ limits: { recordsPerFeed: 4 } })
  const writer = await openCoordinator(ledger, author, root)
  await Promise.all(Array.from({ length: 7 }, () => writer.append('job.cancel', { job })))
  expect(ledger.heads()).toEqual([0, 1, 2].map((epoch) => ({ author: author.publicKey, epoch, length: epoch === 2 ? 2 : 4 })))
  expect(ledger.entries({ ...writer.feed, epoch: 2 }).map(({ record }) => record.type)).toEqual(['coordinator.open', 'job.cancel'])
  const tiny = newLedger({ limits: { bytesPerFeed: 800 } })
  const cramped = await openInstallation(tiny, author, account)
  await expect(cramped.append('job.publish', { signed: await signedJob(author, 'one') })).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
})

test('quotas of records and bytes hold against others, and a feed that nobody needs makes room for a newer one', async () => {
  const here = newLedger()
  const writer = await openInstallation(here, author, account)
  await writer.append('job.cancel', { job })
  const quota = { applied: false, refusal: 'quota' }
  expect(await newLedger({ limits: { recordsPerFeed: 1 } }).admit(writer.feed, wholeFeed(here, writer))).toEqual(quota)
  expect(await newLedger({ limits: { bytesPerFeed: 600 } }).admit(writer.feed, wholeFeed(here, writer))).toEqual(quota)
  const narrow = newLedger({ limits: { feeds: 1 } })
  const stranger = newLedger()
  const theirs = await openInstallation(stranger, await fixedKey(9), account)
  expect(await narrow.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: true, records: 2 })
  expect(await narrow.admit(theirs.feed, wholeFeed(stranger, theirs))).toEqual({ applied: true, records: 1 })
  expect(narrow.heads()).toEqual([{ ...theirs.feed, length: 1 }])
  // Not asked for again as long as it is what it was.
  expect([narrow.lacks(writer.feed, 2), narrow.lacks(writer.feed, 3)]).toEqual([false, true])
  const own = newLedger({ limits: { feeds: 1 } })
  await openInstallation(own, await fixedKey(8), account)
  expect(await own.admit(writer.feed, wholeFeed(here, writer))).toEqual(quota)
})

test('more updates than may wait for one feed are put off, and those that wait are all answered', async () => {
  const [here, there] = [newLedger(), newLedger()]
  const writer = await openInstallation(here, author, account)
  const answers = await Promise.all(Array.from({ length: 100 }, () => there.admit(writer.feed, wholeFeed(here, writer))))
  const count = (refusal: string) => answers.filter((answer) => !answer.applied && answer.refusal === refusal).length
  expect(answers.filter(({ applied }) => applied)).toHaveLength(1)
  expect(count('stale') + count('quota')).toBe(99)
  expect(count('quota')).toBeGreaterThan(0)
})

test('nothing is taken of a banned author', async () => {
  const here = newLedger()
  const writer = await openInstallation(here, author, account)
  const banned = new Set<AuthorId>([authorOf(author)])
  const there = newLedger({ banned: (id) => banned.has(id) })
  expect(await there.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: false, refusal: 'banned' })
  banned.clear()
  expect(await there.admit(writer.feed, wholeFeed(here, writer))).toEqual({ applied: true, records: 1 })
})

test('a closed ledger takes nothing', async () => {
  const here = newLedger()
  const writer = await openInstallation(here, author, account)
  const update = wholeFeed(here, writer)
  here.close()
  expect(await here.admit(writer.feed, update)).toEqual({ applied: false, refusal: 'stale' })
  await expect(writer.append('job.cancel', { job })).rejects.toBeInstanceOf(PeerComputeError)
  expect(here.heads()).toEqual([])
})

test('the fullest feed fits into one ledger frame', { timeout: 60_000 }, async () => {
  const ledger = newLedger()
  const writer = await openInstallation(ledger, author, account)
  const signed = await signedJob(author, 'one')
  const large = { signed: { ...signed, spec: signed.spec } }
  while (writer.feed.epoch === 0 && ledger.heads().length === 1)
    await Promise.all(Array.from({ length: 50 }, () => writer.append('job.publish', large)))
  const update = ledger.updateFrom({ ...writer.feed, epoch: 0 }, 0)
  if (update === null) throw new Error('empty')
  const frame = encodeFrame({ type: 'update', author: writer.feed.author, epoch: 2 ** 32 - 1 }, update)
  expect(frame.length - 4).toBeLessThanOrEqual(LEDGER_FRAME_MAX_BYTES)
  expect(update.length).toBeGreaterThan(LEDGER_FRAME_MAX_BYTES * 0.98)
  expect(await newLedger().admit({ ...writer.feed, epoch: 0 }, update)).toMatchObject({ applied: true })
})

function settled(start: number) {
  return { job, start, count: 1, digest: '1'.repeat(64) as ContentHash, independence: 'host' as const }
}
