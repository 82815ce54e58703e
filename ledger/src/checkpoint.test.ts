/** History summed up: newcomers, compaction, the budget, and what a lost store does. */
import {
  encodeSnapshot,
  jobIdOf,
  type AuthorId,
  type ContentHash,
  type JobId,
  type KeyPair,
  type LedgerSnapshot,
  type RootId
} from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { authorOf, fixedKey, newLedger, openCoordinator, openInstallation, signedJob, TIME, wholeFeed } from '../test/fixtures.ts'
import {
  createFold,
  followLedger,
  memoryLedgerStore,
  snapshotOf,
  writeCheckpoint,
  type FeedWriter,
  type Ledger,
  type LedgerFold,
  type LedgerInit
} from './index.ts'

const [rootKey, operational, next, alice, bob, account] = (await Promise.all([3, 10, 11, 20, 21, 2].map(fixedKey))) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair
]
const root = rootKey.publicKey as RootId
const digest = '1'.repeat(64) as ContentHash

interface Replica {
  readonly ledger: Ledger
  readonly fold: LedgerFold
}

function replica(init: Partial<LedgerInit> = {}): Replica {
  const ledger = newLedger(init)
  ledger.follow(root)
  const fold = createFold(root)
  followLedger(ledger, fold)
  return { ledger, fold }
}

/** Everything that one replica holds, offered to another as peers do: feeds, then the snapshot. */
async function exchange(from: Ledger, to: Ledger): Promise<void> {
  for (const { author, epoch, length } of from.heads()) {
    const feed = { author, epoch }
    const update = from.updateFrom(feed, to.entries(feed).length)
    if (to.lacks(feed, length) && update !== null) await to.admit(feed, update)
  }
  const checkpoint = from.checkpoint()
  if (checkpoint !== null && to.wantedSnapshot(checkpoint.sha256) !== null) await to.adopt(checkpoint.encoded)
}

interface Scene extends Replica {
  readonly coordinator: FeedWriter
  readonly author: FeedWriter
  readonly ended: JobId
  readonly live: JobId
}

/** One job that has ended and one that goes on, each in a feed of its own; the coordinator holds both. */
async function scene(init: Partial<LedgerInit> = {}): Promise<Scene> {
  const here = replica(init)
  const coordinator = await openCoordinator(here.ledger, operational, rootKey)
  const ids: JobId[] = []
  for (const [key, name] of [
    [alice, 'ended'],
    [bob, 'live']
  ] as const) {
    const elsewhere = newLedger()
    const author = await openInstallation(elsewhere, key, account)
    const signed = await signedJob(key, name)
    await author.append('job.publish', { signed })
    await here.ledger.admit(author.feed, wholeFeed(elsewhere, author))
    const job = jobIdOf(signed.author, signed.spec)
    ids.push(job)
    await coordinator.append('job.admit', { job, signed, custodial: false })
    await coordinator.append('units.settle', { job, start: 0, count: 50, digest, independence: 'host' })
    await coordinator.append('credit.total', { account: account.publicKey as never, microCredits: 7 })
  }
  const [ended, live] = ids as [JobId, JobId]
  await coordinator.append('job.end', { job: ended, state: 'completed', settled: 50, root: digest })
  return { ...here, coordinator, author: coordinator, ended, live }
}

function snapshot({ ledger, fold }: Replica): LedgerSnapshot {
  return snapshotOf(fold.state(), ledger.covers(), root)
}

test('a replica with all of history and one with snapshot and tail say the same', async () => {
  const source = await scene()
  const [full, late] = [replica(), replica()]
  await exchange(source.ledger, full.ledger)
  const before = source.fold.stateHash()
  expect(full.fold.stateHash()).toBe(before)
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  expect(source.fold.stateHash()).toBe(before)
  await source.coordinator.append('units.settle', { job: source.live, start: 50, count: 10, digest, independence: 'host' })
  for (const other of [full, late]) await exchange(source.ledger, other.ledger)
  for (const other of [full, late]) {
    expect(other.fold.stateHash()).toBe(source.fold.stateHash())
    expect(other.ledger.checkpoint()?.sha256).toBe(source.ledger.checkpoint()?.sha256)
    expect(other.fold.state().jobs.get(source.live)?.settled).toHaveLength(2)
  }
  expect(late.ledger.heads().length).toBeLessThan(4)
})

test('state hashes agree whether the snapshot comes before or after the records that it covers', async () => {
  const source = await scene()
  const history = replica()
  await exchange(source.ledger, history.ledger)
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  const [early, late] = [replica(), replica()]
  await exchange(source.ledger, early.ledger)
  for (const { author, epoch } of history.ledger.heads()) {
    const update = history.ledger.updateFrom({ author, epoch }, 0)
    if (update === null) throw new Error('an empty feed')
    await early.ledger.admit({ author, epoch }, update)
    await late.ledger.admit({ author, epoch }, update)
  }
  await exchange(source.ledger, late.ledger)
  expect([early.fold.stateHash(), late.fold.stateHash()]).toEqual([source.fold.stateHash(), source.fold.stateHash()])
})

test('feeds that are summed up and about nothing that goes on are dropped, from memory and from the store', async () => {
  const store = memoryLedgerStore()
  const source = await scene({ store })
  const stored = async () => (await store.load()).feeds.reduce((sum, { update }) => sum + update.length, 0)
  for (let unit = 0; unit < 200; unit++)
    await source.coordinator.append('units.settle', { job: source.ended, start: unit, count: 1, digest, independence: 'host' })
  const [bytes, onDisk, first] = [source.ledger.bytes, await stored(), source.coordinator.feed]
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  expect(source.ledger.heads()).toEqual([
    { author: authorOf(bob), epoch: 0, length: 2 },
    { ...source.coordinator.feed, length: 2 }
  ])
  expect(source.ledger.bytes).toBeLessThan(bytes / 10)
  expect(await stored()).toBeLessThan(onDisk / 10)
  expect(source.coordinator.feed.epoch).toBe(first.epoch + 1)
  expect([source.ledger.covered(first, 208), source.ledger.covered(first, 209)]).toEqual([true, false])
  expect([source.ledger.lacks(first, 208), source.ledger.lacks(first, 209)]).toEqual([false, true])
})

test('a replica starts from the stored checkpoint, without anybody else', async () => {
  const store = memoryLedgerStore()
  const source = await scene({ store })
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  const hash = source.fold.stateHash()
  source.ledger.close()
  const again = replica({ store })
  await again.ledger.ready
  expect(again.ledger.checkpoint()).not.toBeNull()
  expect(again.fold.stateHash()).toBe(hash)
  const unfollowed = newLedger({ store })
  await unfollowed.ready
  expect(unfollowed.checkpoint()).toBeNull()
  unfollowed.follow(root)
  const adopted = new Promise<void>((resolve) => {
    unfollowed.onCheckpoint(resolve)
  })
  await adopted
  expect(unfollowed.checkpoint()?.snapshot.root).toBe(root)
})

test('the second checkpoint sums up the first: nothing is lost and nothing counted twice', async () => {
  const source = await scene()
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  await source.coordinator.append('units.settle', { job: source.live, start: 50, count: 50, digest, independence: 'host' })
  await source.coordinator.append('credit.total', { account: account.publicKey as never, microCredits: 9 })
  const before = source.fold.stateHash()
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  expect(source.fold.stateHash()).toBe(before)
  expect(source.ledger.checkpoint()?.snapshot.covers).toHaveLength(4)
  const late = replica()
  await exchange(source.ledger, late.ledger)
  expect(late.fold.stateHash()).toBe(before)
  expect([...late.fold.state().credit.values()]).toEqual([9])
})

test('jobs that a checkpoint retires are counted, no longer told', async () => {
  const source = await scene()
  const state = source.fold.state()
  const jobs = new Map([...state.jobs].filter(([id]) => id !== source.ended))
  const retiring = snapshotOf({ ...state, jobs, retired: { jobs: 1, units: 50 } }, source.ledger.covers(), root)
  await writeCheckpoint(source.ledger, source.coordinator, retiring)
  const late = replica()
  await exchange(source.ledger, late.ledger)
  expect([...late.fold.state().jobs.keys()]).toEqual([source.live])
  expect(late.fold.state().retired).toEqual({ jobs: 1, units: 50 })
  expect(late.fold.stateHash()).toBe(source.fold.stateHash())
})

test('only the snapshot that a coordinator of the followed root named is taken', async () => {
  const source = await scene()
  const honest = snapshot(source)
  const late = replica()
  const forged = await encodeSnapshot({ ...honest, credit: [] })
  expect(await late.ledger.adopt(forged)).toBe(false)
  await writeCheckpoint(source.ledger, source.coordinator, honest)
  for (const { author, epoch } of source.ledger.heads())
    await late.ledger.admit({ author, epoch }, source.ledger.updateFrom({ author, epoch }, 0) ?? new Uint8Array(0))
  expect(late.ledger.wantedSnapshot()).toMatchObject({ feed: source.coordinator.feed, serial: 1 })
  expect(await late.ledger.adopt(forged)).toBe(false)
  expect(await late.ledger.adopt(new Uint8Array(0))).toBe(false)
  expect(late.ledger.checkpoint()).toBeNull()
  const held = source.ledger.checkpoint()
  if (held === null) throw new Error('no checkpoint')
  expect(await late.ledger.adopt(held.encoded)).toBe(true)
  expect(late.ledger.wantedSnapshot()).toBeNull()
  expect(await late.ledger.adopt(held.encoded)).toBe(false)
})

test("an impostor's checkpoint, a checkpoint for another root, and one that is no first word of its epoch are not wanted", async () => {
  const source = await scene()
  const impostor = await fixedKey(66)
  const evil = newLedger()
  const elsewhere = await openCoordinator(evil, impostor, impostor, 9)
  await elsewhere.append('ledger.checkpoint', { snapshot: digest, bytes: 100 })
  await source.ledger.admit(elsewhere.feed, wholeFeed(evil, elsewhere))
  await source.coordinator.append('ledger.checkpoint', { snapshot: digest, bytes: 100 })
  expect(source.ledger.wantedSnapshot()).toBeNull()
  const foreign = { ...snapshot(source), root: impostor.publicKey as RootId }
  await writeCheckpoint(source.ledger, source.coordinator, foreign)
  expect(source.ledger.wantedSnapshot()).not.toBeNull()
  expect(source.ledger.checkpoint()).toBeNull()
})

test('a higher serial supersedes a higher epoch, and a revoked key takes its checkpoint along', async () => {
  const source = await scene()
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  const successor = await openCoordinator(source.ledger, next, rootKey, 2)
  await writeCheckpoint(source.ledger, successor, snapshot(source))
  const held = source.ledger.checkpoint()
  expect(held).toMatchObject({ feed: { author: next.publicKey, epoch: 0 }, serial: 2 })
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  expect(source.ledger.checkpoint()?.sha256).toBe(held?.sha256)

  const other = await scene()
  await writeCheckpoint(other.ledger, other.coordinator, snapshot(other))
  const heir = await openCoordinator(other.ledger, next, rootKey, 2)
  await heir.append('key.revoke', { key: authorOf(operational), reason: 'stolen' })
  expect(other.ledger.checkpoint()).toBeNull()
  expect(other.fold.state().jobs.get(other.live)?.admitted).toBe(false)
})

test('other records cannot come between an opening and its checkpoint', async () => {
  const source = await scene()
  const settle = (start: number) =>
    source.coordinator.append('units.settle', { job: source.live, start, count: 1, digest, independence: 'host' })
  const appended = [60, 61, 62].map(settle)
  const written = writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  await Promise.all([...appended, written, ...[63, 64, 65].map(settle)])
  expect(source.ledger.checkpoint()?.feed).toEqual(source.coordinator.feed)
  expect(source.fold.state().jobs.get(source.live)?.settled).toHaveLength(7)
  const late = replica()
  await exchange(source.ledger, late.ledger)
  expect(late.fold.stateHash()).toBe(source.fold.stateHash())
})

test('the budget holds: covered feeds go first, then feeds without a live job, the oldest first; coordinators and live jobs stay', async () => {
  const store = memoryLedgerStore()
  const source = await scene()
  await writeCheckpoint(source.ledger, source.coordinator, snapshot(source))
  const elsewhere = newLedger()
  const carol = await fixedKey(22)
  const needed = await openInstallation(elsewhere, carol, account)
  const signed = await signedJob(carol, 'needed')
  await needed.append('job.publish', { signed })
  await source.ledger.admit(needed.feed, wholeFeed(elsewhere, needed))
  await source.coordinator.append('job.admit', { job: jobIdOf(signed.author, signed.spec), signed, custodial: false })
  const limit = 60_000
  const here = replica({ store, limits: { bytes: limit } })
  await exchange(source.ledger, here.ledger)
  const flood = async (seed: number) => {
    const key = await fixedKey(seed)
    const ledger = newLedger()
    const writer = await openInstallation(ledger, key, account)
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => writer.append('job.publish', { signed: await signedJob(key, `spam-${i}`) }))
    )
    return here.ledger.admit(writer.feed, wholeFeed(ledger, writer))
  }
  for (let seed = 100; seed < 130; seed++) {
    expect(await flood(seed)).toMatchObject({ applied: true })
    expect(here.ledger.bytes).toBeLessThanOrEqual(limit)
  }
  const authors = here.ledger.heads().map(({ author }) => author)
  expect(authors).toContain(authorOf(carol))
  expect(authors).not.toContain(authorOf(bob))
  expect(here.fold.state().jobs.has(source.live)).toBe(true)
  expect(authors).toContain(operational.publicKey as AuthorId)
  expect(authors).toContain(authorOf(await fixedKey(129)))
  expect(authors).not.toContain(authorOf(await fixedKey(100)))
  const onDisk = (await store.load()).feeds.reduce((sum, { update }) => sum + update.length, 0)
  expect(onDisk).toBeLessThanOrEqual(limit)
  // What went does not live on in the state.
  const published = here.ledger
    .heads()
    .flatMap((head) => here.ledger.entries(head))
    .filter(({ record }) => record.type === 'job.publish')
  expect(here.fold.state().jobs.size).toBe(published.length + [source.ended, source.live].length)
})

test('an author may keep only so many epochs here', async () => {
  const here = replica({ limits: { feedsPerAuthor: 2 } })
  const elsewhere = newLedger({ limits: { recordsPerFeed: 2 } })
  const writer = await openInstallation(elsewhere, alice, account)
  for (let i = 0; i < 3; i++) await writer.append('job.cancel', { job: '0'.repeat(64) as JobId })
  const outcomes = []
  for (const { author, epoch } of elsewhere.heads())
    outcomes.push(await here.ledger.admit({ author, epoch }, elsewhere.updateFrom({ author, epoch }, 0) ?? new Uint8Array(0)))
  expect(outcomes).toMatchObject([{ applied: true }, { applied: true }, { applied: false, refusal: 'quota' }])
})

test('who lost its store begins an epoch that it cannot have used, and never forks what others remember', async () => {
  const [here, there] = [newLedger({ now: () => TIME }), newLedger()]
  const writer = await openInstallation(here, alice, account)
  expect(writer.feed.epoch).toBe(TIME / 1_000)
  await writer.append('job.cancel', { job: '0'.repeat(64) as JobId })
  await there.admit(writer.feed, wholeFeed(here, writer))

  // Its clock stood still meanwhile, and a peer gives it a part of what it wrote.
  const store = memoryLedgerStore()
  const lost = newLedger({ now: () => TIME, store })
  const again = lost.writer(alice)
  await lost.admit(writer.feed, wholeFeed(there, writer))
  expect(again.feed.epoch).toBe(writer.feed.epoch + 1)

  // Not even after another restart does it take the feed for its own.
  const restarted = newLedger({ now: () => TIME, store })
  const third = restarted.writer(alice)
  await restarted.ready
  await restarted.admit(writer.feed, wholeFeed(there, writer))
  await third.append('job.cancel', { job: '0'.repeat(64) as JobId })
  expect(restarted.heads().map(({ epoch, length }) => [epoch - TIME / 1_000, length])).toEqual([
    [0, 2],
    [1, 2]
  ])
  // From now on it may be kept, too: the newest own feed in the store is one that this store has all of.
  const last = newLedger({ now: () => TIME, store })
  await last.ready
  expect(last.heads()).toHaveLength(2)
  expect(last.writer(alice).feed.epoch).toBe(writer.feed.epoch + 1)
})

test('reopened units and receipts are the same for a newcomer who reads only the checkpoint and what follows it', async () => {
  const source = await scene()
  const receipt = { job: source.ended, root: digest, units: 50, receipt: digest }
  await source.coordinator.append('job.receipt', receipt)
  const full = replica()
  await exchange(source.ledger, full.ledger)
  const checkpoint = () => writeCheckpoint(source.ledger, source.coordinator, snapshot(source), source.fold.state())
  await checkpoint()
  await source.coordinator.append('units.reopen', { job: source.live, ranges: [[49, 1]] })
  await source.coordinator.append('credit.total', { account: account.publicKey as never, microCredits: 3 })
  for (const next of [() => Promise.resolve(), () => source.coordinator.append('units.reopen', { job: source.ended, ranges: [[0, 50]] })]) {
    await next()
    await checkpoint()
    await source.coordinator.append('units.settle', { job: source.live, start: 0, count: 49, digest, independence: 'host' })
    const newcomer = replica()
    for (const { ledger } of [full, newcomer]) await exchange(source.ledger, ledger)
    for (const { fold } of [full, newcomer]) {
      expect(fold.stateHash()).toBe(source.fold.stateHash())
      expect(
        fold
          .state()
          .jobs.get(source.live)
          ?.settled.map(({ count }) => count)
      ).toEqual([49])
      expect(fold.state().credit.get(account.publicKey as never)).toBe(3)
    }
  }
  expect(source.fold.state().jobs.get(source.ended)).toMatchObject({ ended: null, settled: [] })
  expect(source.fold.state().jobs.get(source.ended)?.receipt).toBeUndefined()
})

test('a newcomer who reads only the checkpoint and what follows it knows of every revoked job', async () => {
  const source = replica()
  const coordinator = await openCoordinator(source.ledger, operational, rootKey)
  const revoked = Array.from({ length: 300 }, (_, n) => n.toString(16).padStart(64, '0') as JobId)
  await Promise.all(revoked.map((job) => coordinator.append('job.revoke', { job, reason: `reason ${job.slice(-3)}` })))
  for (let round = 0; round < 2; round++) {
    const state = source.fold.state()
    await writeCheckpoint(source.ledger, coordinator, snapshotOf(state, source.ledger.covers(), root), state)
  }
  const newcomer = replica()
  await exchange(source.ledger, newcomer.ledger)
  expect(newcomer.ledger.checkpoint()?.feed).toEqual(coordinator.feed)
  expect([...newcomer.fold.state().revokedJobs.keys()].sort()).toEqual(revoked)
  expect(newcomer.fold.stateHash()).toBe(source.fold.stateHash())
})
