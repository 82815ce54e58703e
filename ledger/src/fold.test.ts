import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  certifyCoordinator,
  encodeRecord,
  jobIdOf,
  recordHash,
  type AccountId,
  type ContentHash,
  type JobId,
  type KeyPair,
  type RecordBody,
  type RecordHead,
  type RecordType,
  type RootId
} from '@peercompute/job-specs'
import { bytesOf, recordsOf } from '../test/forge.ts'
import { authorOf, fixedKey, newLedger, openCoordinator, openInstallation, signedJob, TIME } from '../test/fixtures.ts'
import { writeFeedUpdate } from './feed-update.ts'
import {
  createFold,
  feedClientId,
  followLedger,
  settledUnits,
  type FeedName,
  type Ledger,
  type LedgerEntry,
  type LedgerFold,
  type LedgerState
} from './index.ts'

const [root, operational, next, alice, bob, account, evil, otherRoot] = (await Promise.all(
  [3, 10, 11, 20, 21, 2, 66, 67].map(fixedKey)
)) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair, KeyPair, KeyPair, KeyPair]
const [aliceJob, bobJob] = await Promise.all([signedJob(alice, 'alpha'), signedJob(bob, 'beta')])
const aliceId = jobIdOf(aliceJob.author, aliceJob.spec)
const bobId = jobIdOf(bobJob.author, bobJob.spec)
const holder = account.publicKey as AccountId

function settle(job: JobId, start: number, count: number, digit = '1'): RecordBody<'units.settle'> {
  return { job, start, count, digest: digit.repeat(64) as ContentHash, independence: 'host' }
}

interface Scene {
  readonly ledger: Ledger
  readonly fold: LedgerFold
  readonly state: () => LedgerState
}

function scene(): Scene {
  const ledger = newLedger()
  const fold = createFold(root.publicKey)
  followLedger(ledger, fold)
  return { ledger, fold, state: () => fold.state() }
}

test('a published job is there, unadmitted; its admission, settlements, end and credit come from the coordinator', async () => {
  const { ledger, state } = scene()
  const author = await openInstallation(ledger, alice, account)
  await author.append('job.publish', { signed: aliceJob })
  expect(state().jobs.get(aliceId)).toEqual({
    id: aliceId,
    signed: aliceJob,
    publishedBy: alice.publicKey,
    admitted: false,
    custodial: false,
    cancelled: false,
    ended: null,
    settled: []
  })
  const coordinator = await openCoordinator(ledger, operational, root)
  await coordinator.append('job.admit', { job: aliceId, signed: aliceJob, custodial: false })
  await coordinator.append('units.settle', settle(aliceId, 50, 50))
  await coordinator.append('units.settle', settle(aliceId, 0, 50))
  await coordinator.append('job.end', { job: aliceId, state: 'completed', settled: 100, root: '7'.repeat(64) as ContentHash })
  await coordinator.append('credit.total', { account: holder, microCredits: 5 })
  await coordinator.append('credit.total', { account: holder, microCredits: 9 })
  const job = state().jobs.get(aliceId)
  expect(job).toMatchObject({ admitted: true, ended: { state: 'completed', settled: 100 } })
  expect(job?.settled.map(({ start }) => start)).toEqual([0, 50])
  expect(state().credit.get(holder)).toBe(9)
  expect([...state().coordinators]).toEqual([[operational.publicKey, 1]])
})

test('one record may tell of many ranges, or of many accounts, and means as much as one for each', async () => {
  const digests = ['1', '2'].map((digit) => digit.repeat(64) as ContentHash)
  const accounts = [holder, alice.publicKey as AccountId].sort()
  const one = scene()
  const each = await openCoordinator(one.ledger, operational, root)
  await each.append('job.admit', { job: aliceId, signed: aliceJob, custodial: true })
  for (const [index, start] of [0, 50].entries()) await each.append('units.settle', settle(aliceId, start, 25, String(index + 1)))
  for (const [index, account] of accounts.entries()) await each.append('credit.total', { account, microCredits: index + 1 })
  const other = scene()
  const many = await openCoordinator(other.ledger, operational, root)
  await many.append('job.admit', { job: aliceId, signed: aliceJob, custodial: true })
  const ranges = digests.map((digest, index): [number, number, ContentHash] => [50 * index, 25, digest])
  const { independence } = settle(aliceId, 0, 1)
  await many.append('ranges.settle', { job: aliceId, independence, ranges })
  await many.append('credit.totals', { totals: accounts.map((account, index): [AccountId, number] => [account, index + 1]) })
  expect(other.state().credit.size).toBe(2)
  expect(other.state().jobs.get(aliceId)?.settled).toHaveLength(2)
  expect(other.state()).toEqual(one.state())
})

test('ranges that meet, and accounts out of order or twice, are no record', async () => {
  const writer = await openCoordinator(scene().ledger, operational, root)
  const digest = '1'.repeat(64) as ContentHash
  const [low, high] = [holder, alice.publicKey as AccountId].sort()
  if (low === undefined || high === undefined) throw new Error('two accounts')
  const settleRanges = (...ranges: [number, number, ContentHash][]) =>
    writer.append('ranges.settle', { job: aliceId, independence: 'host', ranges })
  const total = (...accounts: AccountId[]) =>
    writer.append('credit.totals', { totals: accounts.map((account): [AccountId, number] => [account, 1]) })
  for (const refused of [
    settleRanges([0, 3, digest], [2, 1, digest]),
    settleRanges([5, 1, digest], [0, 1, digest]),
    total(high, low),
    total(low, low)
  ])
    await expect(refused).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  await settleRanges([0, 2, digest], [2, 1, digest])
  await total(low, high)
})

test('a job that the account signed counts in the feed of an installation that it certified, and its cancellation too', async () => {
  const { ledger, state } = scene()
  const signed = await signedJob(account, 'by-the-account')
  const id = jobIdOf(signed.author, signed.spec)
  const installation = await openInstallation(ledger, alice, account)
  await installation.append('job.publish', { signed })
  expect(state().jobs.get(id)).toMatchObject({ publishedBy: account.publicKey, cancelled: false })
  const stranger = await openInstallation(ledger, evil, evil)
  await stranger.append('job.cancel', { job: id })
  expect(state().jobs.get(id)?.cancelled).toBe(false)
  await installation.append('job.cancel', { job: id })
  expect(state().jobs.get(id)?.cancelled).toBe(true)
})

test('a custodial job is known from its admission alone', async () => {
  const { ledger, state } = scene()
  const coordinator = await openCoordinator(ledger, operational, root)
  await coordinator.append('job.admit', { job: bobId, signed: bobJob, custodial: true })
  expect(state().jobs.get(bobId)).toMatchObject({ publishedBy: null, admitted: true, custodial: true })
})

test('a job in a feed of somebody who did not sign it does not count', async () => {
  const { ledger, state } = scene()
  const thief = await openInstallation(ledger, evil, account)
  await thief.append('job.publish', { signed: aliceJob })
  expect(state().jobs.size).toBe(0)
})

test('nobody but a coordinator of the pinned root admits, settles, ends, credits or revokes', async () => {
  const { ledger, state } = scene()
  await (await openInstallation(ledger, alice, account)).append('job.publish', { signed: aliceJob })
  const before = state()
  for (const writer of [await openInstallation(ledger, evil, account), await openCoordinator(ledger, next, otherRoot)]) {
    await writer.append('job.admit', { job: aliceId, signed: aliceJob, custodial: true })
    await writer.append('units.settle', settle(aliceId, 0, 1))
    await writer.append('ranges.settle', { job: aliceId, independence: 'host', ranges: [[1, 1, '1'.repeat(64) as ContentHash]] })
    await writer.append('job.end', { job: aliceId, state: 'failed', settled: 0, root: '7'.repeat(64) as ContentHash })
    await writer.append('credit.total', { account: holder, microCredits: 1_000_000 })
    await writer.append('credit.totals', { totals: [[holder, 2_000_000]] })
    await writer.append('key.revoke', { key: authorOf(alice), reason: '' })
    await writer.append('job.revoke', { job: aliceId, reason: '' })
    await writer.append('job.cancel', { job: aliceId })
  }
  expect(state()).toEqual(before)
})

test('a certificate further down a feed opens nothing, not even a true one', async () => {
  const { ledger, state } = scene()
  const writer = await openInstallation(ledger, evil, account)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, evil.publicKey, 9, TIME) })
  await writer.append('credit.total', { account: holder, microCredits: 1 })
  expect([state().coordinators.size, state().credit.size]).toEqual([0, 0])
})

test('a forged certificate or job that reached a feed is kept as a record and does not count', async () => {
  const { ledger, state } = scene()
  const writer = await openInstallation(ledger, evil, account)
  const { feed } = writer
  const certificate = await certifyCoordinator(otherRoot, evil.publicKey, 9, TIME)
  await appendRaw(ledger, feed, evil, 'coordinator.open', { certificate: { ...certificate, root: root.publicKey as RootId } })
  expect(ledger.entries(feed).at(-1)?.known).toBeNull()
  const mine = await signedJob(evil, 'mine')
  await appendRaw(ledger, feed, evil, 'job.publish', { signed: { ...mine, spec: { ...mine.spec, title: 'another' } } })
  expect(ledger.entries(feed).at(-1)?.known).toBeNull()
  expect([state().coordinators.size, state().jobs.size]).toEqual([0, 0])
})

test('the author and a coordinator may cancel a job, whichever record arrives first', async () => {
  const ledger = newLedger()
  const author = await openInstallation(ledger, bob, account)
  await author.append('job.cancel', { job: bobId })
  const coordinator = await openCoordinator(ledger, operational, root)
  await coordinator.append('job.admit', { job: bobId, signed: bobJob, custodial: false })
  const fold = createFold(root.publicKey)
  followLedger(ledger, fold)
  expect(fold.state().jobs.get(bobId)?.cancelled).toBe(true)
})

test("a revoked installation's jobs vanish unless a coordinator took them", async () => {
  const { ledger, state } = scene()
  const author = await openInstallation(ledger, alice, account)
  await author.append('job.publish', { signed: aliceJob })
  const second = await signedJob(alice, 'second')
  await author.append('job.publish', { signed: second })
  const coordinator = await openCoordinator(ledger, operational, root)
  await coordinator.append('job.admit', { job: aliceId, signed: aliceJob, custodial: false })
  await coordinator.append('key.revoke', { key: authorOf(alice), reason: 'stolen' })
  expect([...state().jobs.keys()]).toEqual([aliceId])
  expect(state().jobs.get(aliceId)).toMatchObject({ publishedBy: null, admitted: true })
  expect(state().revoked).toEqual(new Set([alice.publicKey]))
})

test('a later operational key has the last word and can revoke the earlier one, not the other way round', async () => {
  const { ledger, state } = scene()
  const first = await openCoordinator(ledger, operational, root, 1)
  const second = await openCoordinator(ledger, next, root, 2)
  await second.append('credit.total', { account: holder, microCredits: 3 })
  await first.append('credit.total', { account: holder, microCredits: 7 })
  await first.append('key.revoke', { key: authorOf(next), reason: '' })
  expect([state().credit.get(holder), state().revoked.size]).toEqual([3, 0])
  await first.append('job.admit', { job: bobId, signed: bobJob, custodial: true })
  expect(state().jobs.size).toBe(1)
  await second.append('key.revoke', { key: authorOf(operational), reason: 'stolen' })
  expect(state().jobs.size).toBe(0)
  expect([...state().coordinators.keys()]).toEqual([next.publicKey])
})

test('of two copies of a job that differ in the signature, the same one stays in either order', async () => {
  const ledger = newLedger()
  const author = await openInstallation(ledger, alice, account)
  await author.append('job.publish', { signed: aliceJob })
  const published = ledger.entries(author.feed)[1]
  if (published?.known === undefined || published.known === null || published.known === 'unknown' || published.known.type !== 'job.publish')
    throw new Error('no job')
  // A browser may sign anew with other bytes; both signatures hold.
  const again: LedgerEntry = { ...published, known: { ...published.known, body: { signed: { ...aliceJob, sig: '-'.repeat(86) } } } }
  const [one, two] = [foldAll([published, again]), foldAll([again, published])]
  expect(one.state()).toEqual(two.state())
  expect(one.stateHash()).toBe(two.stateHash())
})

test('units that several ranges cover count once', () => {
  const range = (start: number, count: number) => ({ start, count, digest: '1'.repeat(64) as ContentHash, independence: 'host' as const })
  expect(settledUnits([range(10, 10), range(0, 5), range(15, 10), range(12, 2)])).toBe(20)
  expect(settledUnits([])).toBe(0)
})

test('a reopened unit takes back every range said before that holds it, the end of the job and its receipt; totals may sink', async () => {
  const { ledger, state } = scene()
  const coordinator = await openCoordinator(ledger, operational, root)
  const receipt = { root: '8'.repeat(64) as ContentHash, units: 100, receipt: '9'.repeat(64) as ContentHash }
  const end = { job: aliceId, state: 'completed' as const, settled: 100, root: '7'.repeat(64) as ContentHash }
  await coordinator.append('job.admit', { job: aliceId, signed: aliceJob, custodial: false })
  for (const start of [0, 50]) await coordinator.append('units.settle', settle(aliceId, start, 50))
  await coordinator.append('job.end', end)
  await coordinator.append('job.receipt', { job: aliceId, ...receipt })
  await coordinator.append('credit.total', { account: holder, microCredits: 9 })
  expect(state().jobs.get(aliceId)).toMatchObject({ ended: { settled: 100 }, receipt })

  await coordinator.append('units.reopen', { job: aliceId, ranges: [[49, 1]] })
  await coordinator.append('credit.total', { account: holder, microCredits: 7 })
  const open = state().jobs.get(aliceId)
  expect([open?.ended, open?.settled.map(({ start }) => start), open?.receipt]).toEqual([null, [50], undefined])
  expect(state().credit.get(holder)).toBe(7)

  await coordinator.append('units.settle', settle(aliceId, 0, 49))
  await coordinator.append('units.settle', settle(aliceId, 49, 1))
  await coordinator.append('job.end', { ...end, root: '6'.repeat(64) as ContentHash })
  await coordinator.append('job.receipt', { job: aliceId, ...receipt, units: 101 })
  const again = state().jobs.get(aliceId)
  expect(again).toMatchObject({ ended: { root: '6'.repeat(64) }, receipt: { units: 101 } })
  expect(settledUnits(again?.settled ?? [])).toBe(100)
})

test('jobs that did not change stay the same objects', async () => {
  const { ledger, state } = scene()
  await (await openInstallation(ledger, alice, account)).append('job.publish', { signed: aliceJob })
  const before = state().jobs.get(aliceId)
  await (await openInstallation(ledger, bob, account)).append('job.publish', { signed: bobJob })
  expect(state().jobs.get(aliceId)).toBe(before)
})

test('the state depends on the records, not on how the feeds arrived between each other or how often', { timeout: 60_000 }, async () => {
  const ledger = newLedger()
  const people = [
    await openInstallation(ledger, alice, account),
    await openInstallation(ledger, bob, account),
    await openInstallation(ledger, evil, account)
  ] as const
  const coordinators = [await openCoordinator(ledger, operational, root, 1), await openCoordinator(ledger, next, root, 2)] as const
  for (const writer of people) {
    await writer.append('job.publish', { signed: aliceJob })
    await writer.append('job.publish', { signed: bobJob })
    await writer.append('job.cancel', { job: bobId })
    await writer.append('credit.total', { account: holder, microCredits: 1 })
    await writer.append('credit.totals', { totals: [[holder, 2]] })
  }
  for (const [index, writer] of coordinators.entries()) {
    await writer.append('units.settle', settle(aliceId, 0, 10, String(index)))
    await writer.append('job.admit', { job: aliceId, signed: aliceJob, custodial: index === 0 })
    await writer.append('job.admit', { job: bobId, signed: bobJob, custodial: index === 1 })
    await writer.append('job.end', {
      job: aliceId,
      state: index === 0 ? 'failed' : 'completed',
      settled: 10,
      root: '7'.repeat(64) as ContentHash
    })
    await writer.append('job.receipt', {
      job: aliceId,
      root: '8'.repeat(64) as ContentHash,
      units: index,
      receipt: '9'.repeat(64) as ContentHash
    })
    await writer.append('units.settle', settle(aliceId, 20, 5))
    await writer.append('ranges.settle', { job: bobId, independence: 'host', ranges: [[index, 2, '2'.repeat(64) as ContentHash]] })
    await writer.append('units.reopen', {
      job: aliceId,
      ranges: [
        [3, 1],
        [index === 0 ? 22 : 40, 1]
      ]
    })
    await writer.append('units.settle', settle(aliceId, 0, 3))
    await writer.append('credit.total', { account: holder, microCredits: 10 + index })
    await writer.append('credit.totals', { totals: [[holder, 20 - index]] })
    await writer.append('key.revoke', { key: authorOf(index === 0 ? next : evil), reason: '' })
  }
  await coordinators[1].append('key.revoke', { key: authorOf(bob), reason: '' })
  const feeds = ledger.heads().map((head) => [...ledger.entries(head)])
  const reference = foldAll(feeds.flat())
  await coordinators[1].append('key.revoke', { key: authorOf(operational), reason: '' })
  const withRotation = ledger.heads().map((head) => ledger.entries(head))
  const rotated = foldAll(withRotation.flat())
  expect(rotated.stateHash()).not.toBe(reference.stateHash())
  const choices = fc.array(fc.nat(), { minLength: 40, maxLength: 80 })
  fc.assert(
    fc.property(choices, fc.boolean(), (picks, twice) => {
      for (const [entries, expected] of [
        [feeds, reference],
        [withRotation, rotated]
      ] as const) {
        const order = interleave(entries, picks)
        const fold = foldAll(twice ? [...order, ...order] : order, picks.length % 3)
        expect(fold.state()).toEqual(expected.state())
        expect(fold.stateHash()).toBe(expected.stateHash())
      }
    }),
    { numRuns: 200 }
  )
})

/** Reads the state now and then, because snapshots in between must not influence what follows. */
function foldAll(entries: readonly LedgerEntry[], readEvery = 0): LedgerFold {
  const fold = createFold(root.publicKey)
  for (const [index, entry] of entries.entries()) {
    fold.apply(entry)
    if (readEvery > 0 && index % readEvery === 0) fold.state()
  }
  return fold
}

/** Merges the feeds, keeping the order inside each: every pick says which feed gives its next entry. */
function interleave(feeds: readonly (readonly LedgerEntry[])[], picks: readonly number[]): LedgerEntry[] {
  const queues = feeds.map((feed) => [...feed])
  const out: LedgerEntry[] = []
  for (let step = 0; ; step++) {
    const open = queues.filter((queue) => queue.length > 0)
    const entry = open[(picks[step % picks.length] ?? 0) % Math.max(open.length, 1)]?.shift()
    if (entry === undefined) return out
    out.push(entry)
  }
}

/** Appends past the writer's own checks, as a hostile program would. */
async function appendRaw<T extends RecordType>(ledger: Ledger, feed: FeedName, key: KeyPair, type: T, body: RecordBody<T>): Promise<void> {
  const held = recordsOf(ledger.updateFrom(feed, 0) ?? new Uint8Array(0))
  const head: RecordHead = { epoch: feed.epoch, seq: held.length - 1, hash: recordHash(bytesOf(held, held.length - 1)) }
  const bytes = await encodeRecord(key, { epoch: feed.epoch, head }, type, body, TIME)
  const answer = await ledger.admit(feed, writeFeedUpdate(feedClientId(feed), { from: held.length, records: [bytes] }))
  expect(answer).toEqual({ applied: true, records: 1 })
}

test('a coordinator revokes a job whether it is known or not, until the coordinator is revoked itself', async () => {
  const { ledger, fold, state } = scene()
  const first = await openCoordinator(ledger, operational, root)
  const before = fold.stateHash()
  await first.append('job.revoke', { job: bobId, reason: 'mines coins' })
  expect([state().jobs.size, ...state().revokedJobs]).toEqual([0, [bobId, 'mines coins']])
  expect(fold.stateHash()).not.toBe(before)
  await first.append('job.admit', { job: bobId, signed: bobJob, custodial: false })
  expect(state().jobs.get(bobId)).toMatchObject({ admitted: true, cancelled: true })
  const second = await openCoordinator(ledger, next, root, 2)
  await second.append('key.revoke', { key: authorOf(operational), reason: 'stolen' })
  expect(state().revokedJobs.size).toBe(0)
})
