import { afterEach, beforeEach, expect, it } from 'vitest'
import { join } from 'node:path'
import { certifyHost, generateKeyPair, jobIdOf, PeerComputeError, signSpec, type KeyPair } from '@peercompute/job-specs'
import { createLedger, memoryLedgerStore, type Ledger, type LedgerStore } from '@peercompute/ledger'
import { createAwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { Coordinator } from '../coordinator.ts'
import { createMemoryStore } from '../core/index.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { loadCoordinatorKeys, rotateOperationalKey, type CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { connectedHost, reportOf, smallSpec, u32 } from '../testing/fixtures.ts'
import { createFakeClock, type FakeClock } from '@peercompute/p2p/testing'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { until } from '@peercompute/p2p/testing'
import { openFeedStore } from './feed-store.ts'
import { createLedgerIntake } from './ledger-intake.ts'
import { createLedgerProjection, END_FLUSH_MS, FLUSH_MS, FACTS_PER_SECOND, type LedgerProjection } from './ledger-projection.ts'
import { rangeDigest } from './projected-jobs.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let coordinator: Coordinator
let keys: CoordinatorKeys
let clock: FakeClock
let faults: unknown[]

beforeEach(async () => {
  temporary = await temporaryFolder()
  clock = createFakeClock()
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  coordinator = createCoordinator({ store: createMemoryStore(), now: () => clock.now(), random: () => 0.5, hasBlob: async () => true })
  faults = []
})
afterEach(async () => {
  await coordinator.close()
  await temporary[Symbol.asyncDispose]()
})

function open(store: LedgerStore): { ledger: Ledger; projection: LedgerProjection } {
  const ledger = createLedger({ now: () => clock.now(), store })
  ledger.follow(keys.certificate.root)
  const projection = createLedgerProjection({
    coordinator,
    ledger,
    keys,
    clock,
    metrics: { ledgerFlushed: () => undefined },
    onFault: (error) => {
      faults.push(error)
    }
  })
  return { ledger, projection }
}

async function compute(): Promise<void> {
  for (const name of ['a', 'b']) {
    const host = connectedHost(name)
    await coordinator.hostConnected(host)
    for (const lease of (await coordinator.ask(host.host, { executor: 'js', units: 16, seconds: 0 })).leases) {
      const { report, values } = reportOf(
        host.host,
        lease,
        Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      )
      await coordinator.report(report, Buffer.concat(values))
    }
  }
}

/** Records of all epochs, in order. */
const feedOf = (ledger: Ledger, { publicKey }: KeyPair) =>
  ledger
    .heads()
    .filter(({ author }) => author.toString() === publicKey)
    .sort((a, b) => a.epoch - b.epoch)
    .flatMap((head) => ledger.entries(head).map(({ record }) => record))
const typesOf = (ledger: Ledger, author = keys.operational) => feedOf(ledger, author).map(({ type }) => type)

it('says in one signed feed what was admitted, settled, ended and credited', async () => {
  const { ledger, projection } = open(memoryLedgerStore())
  await projection.start()
  const author = await generateKeyPair({ extractable: true })
  const { id } = await coordinator.submit(await signSpec(author, smallSpec()), false)
  await compute()
  clock.advance(FLUSH_MS)
  await until(() => typesOf(ledger).includes('credit.totals'), 'the feed has followed')
  await projection.flush()
  expect(typesOf(ledger)).toEqual(['coordinator.open', 'job.admit', 'ranges.settle', 'job.end', 'credit.totals'])
  const [, admit, settle, end] = feedOf(ledger, keys.operational).map(({ body }) => body)
  const { rows } = await coordinator.results(id, { from: 0, limit: 10 })
  const digest = rangeDigest(rows.map((row) => row.digest))
  expect(admit).toMatchObject({ job: id, custodial: false })
  expect(settle).toEqual({ job: id, independence: 'host', ranges: [[0, 4, digest]] })
  expect(end).toEqual({ job: id, state: 'completed', settled: 4, root: rangeDigest([digest]) })
  await projection.close()
  ledger.close()
})

it('tells of jobs that go on so rarely that its records stay few, and of the end of one at once', async () => {
  const { ledger, projection } = open(memoryLedgerStore())
  await projection.start()
  const author = await generateKeyPair({ extractable: true })
  const submitted = async (name: string, unitCount: number) =>
    (await coordinator.submit(await signSpec(author, smallSpec({ name, unitCount, verification: { quorum: 1 } })), false)).id
  const host = connectedHost('a')
  await coordinator.hostConnected(host)
  /** Every second unit of what it is given. */
  const half = async () => {
    const { leases } = await coordinator.ask(host.host, { executor: 'js', units: 400, seconds: 0 })
    for (const lease of leases)
      for (let unit = lease.start; unit < lease.start + lease.count; unit += 2) {
        const { report, values } = reportOf(host.host, lease, [{ unit, value: u32(unit) }])
        await coordinator.report(report, Buffer.concat(values))
      }
  }
  const count = (type: string) => typesOf(ledger).filter((other) => other === type).length
  const settled = () =>
    feedOf(ledger, keys.operational).reduce((sum, { body: { ranges } }) => sum + (Array.isArray(ranges) ? ranges.length : 0), 0)
  await submitted('long', 1_200)
  await half()
  clock.advance(FLUSH_MS)
  await until(() => count('credit.totals') === 1, 'the first round')
  expect(settled()).toBe(200)
  await half()
  for (let seconds = 2; seconds < 201 / FACTS_PER_SECOND; seconds++) {
    await until(() => clock.pending().some((ms) => ms <= FLUSH_MS), 'the next flush is due')
    clock.advance(FLUSH_MS)
  }
  await until(() => clock.pending().some((ms) => ms <= FLUSH_MS), 'the next flush is due')
  expect([settled(), count('credit.totals')]).toEqual([200, 1])

  await coordinator.cancel(await submitted('short', 1))
  clock.advance(END_FLUSH_MS)
  await until(() => count('job.end') === 1, 'the end is told')
  expect(settled()).toBe(200)
  await until(() => {
    clock.advance(FLUSH_MS)
    return count('credit.totals') === 2
  }, 'the second round')
  expect(settled()).toBe(400)
  await projection.close()
  ledger.close()
})

it('keeps a feed for those who publish with a token', async () => {
  const { ledger, projection } = open(memoryLedgerStore())
  await projection.start()
  const signed = await signSpec(keys.custodial, smallSpec())
  await coordinator.submit(signed, true)
  await projection.flush()
  expect(typesOf(ledger, keys.custodial)).toEqual(['feed.open', 'job.publish'])
  expect(feedOf(ledger, keys.operational).at(-1)).toMatchObject({
    type: 'job.admit',
    body: { custodial: true, job: jobIdOf(signed.author, signed.spec) }
  })
  await projection.close()
  ledger.close()
})

it('goes on after a restart where it was, and says what a crash kept it from saying, once', async () => {
  const path = join(temporary.path, 'feeds.sqlite')
  const author = await generateKeyPair({ extractable: true })
  const firstStore = openFeedStore(path, () => undefined)
  const first = open(firstStore)
  await first.projection.start()
  await coordinator.submit(await signSpec(author, smallSpec()), false)
  await first.projection.flush()
  // The coordinator is killed before it can append what follows.
  first.ledger.close()
  firstStore.close()
  await compute()
  await coordinator.submit(await signSpec(author, smallSpec({ name: 'second' })), false)

  const secondStore = openFeedStore(path, () => undefined)
  const second = open(secondStore)
  await second.projection.start()
  const expected = ['coordinator.open', 'job.admit', 'ranges.settle', 'job.end', 'job.admit', 'credit.totals']
  expect(typesOf(second.ledger)).toEqual(expected)
  await second.projection.close()
  second.ledger.close()
  secondStore.close()

  const thirdStore = openFeedStore(path, () => undefined)
  const third = open(thirdStore)
  await third.projection.start()
  expect(typesOf(third.ledger)).toEqual(expected)
  await third.projection.close()
  third.ledger.close()
  thirdStore.close()
})

it('tries again by itself when the disk was full', async () => {
  const store = memoryLedgerStore()
  let full = false
  const { ledger, projection } = open({
    ...store,
    save: (feed, update) => (full ? Promise.reject(new PeerComputeError('STORE_FULL', 'test')) : store.save(feed, update))
  })
  await projection.start()
  full = true
  await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec()), false)
  await projection.flush()
  expect([typesOf(ledger), faults]).toMatchObject([['coordinator.open'], [{ code: 'STORE_FULL' }]])
  full = false
  clock.advance(FLUSH_MS)
  await until(() => typesOf(ledger).length === 2, 'the admission is in the feed')
  expect(typesOf(ledger)).toEqual(['coordinator.open', 'job.admit'])
  await projection.close()
  ledger.close()
})

it('compares store and feed ever more rarely while the disk stays full', async () => {
  const store = memoryLedgerStore()
  let tries = 0
  let full = false
  const save: LedgerStore['save'] = (feed, update) => {
    if (!full) return store.save(feed, update)
    tries++
    return Promise.reject(new PeerComputeError('STORE_FULL', 'test'))
  }
  const { ledger, projection } = open({ ...store, save })
  await projection.start()
  full = true
  await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec()), false)
  for (let seconds = 0; seconds < 300; seconds++) {
    await until(() => clock.pending().some((ms) => ms <= FLUSH_MS), 'the next flush is due')
    clock.advance(FLUSH_MS)
  }
  await until(() => clock.pending().some((ms) => ms <= FLUSH_MS), 'the last one is over')
  // after 1, 2, 4 … 60 s, then every minute
  expect(tries).toBeGreaterThan(6)
  expect(tries).toBeLessThan(15)
  full = false
  await until(() => {
    clock.advance(FLUSH_MS)
    return typesOf(ledger).includes('job.admit')
  }, 'the admission is in the feed')
  await projection.close()
  ledger.close()
})

it('begins a new feed after the operational key was rotated, without repeating the old one', async () => {
  const store = memoryLedgerStore()
  const before = open(store)
  await before.projection.start()
  await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec()), false)
  await before.projection.close()
  before.ledger.close()
  await rotateOperationalKey(temporary.path, clock.now())
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  const after = open(store)
  await after.projection.start()
  expect(typesOf(after.ledger)).toEqual(['coordinator.open'])
  await after.projection.close()
  after.ledger.close()
})

it('takes jobs and cancellations out of the feeds of their authors, and of nobody else', async () => {
  const replica = createLedger({ now: () => clock.now(), store: memoryLedgerStore() })
  const refused: unknown[] = []
  const intake = createLedgerIntake({
    coordinator,
    ledger: replica,
    awaited: createAwaitedBlobs(),
    own: new Set(),
    onRefused: (error) => {
      refused.push(error)
    }
  })
  const submitter = createLedger({ now: () => clock.now(), store: memoryLedgerStore() })
  submitter.onAppend((feed, update) => {
    void replica.admit(feed, update)
  })

  const openFeed = async () => {
    const pair = await generateKeyPair({ extractable: true })
    const writer = submitter.writer(pair)
    await writer.append('feed.open', {
      certificate: await certifyHost(await generateKeyPair({ extractable: true }), pair.publicKey, '', 0)
    })
    return { pair, writer }
  }
  const author = await openFeed()
  const stranger = await openFeed()
  const signed = await signSpec(author.pair, smallSpec())
  const id = jobIdOf(signed.author, signed.spec)
  await author.writer.append('job.publish', { signed })
  await until(() => coordinator.signedSpec(id) !== undefined, 'the job is admitted')
  await stranger.writer.append('job.cancel', { job: id })
  await until(() => refused.length === 1, 'the stranger is refused')
  expect(refused).toMatchObject([{ code: 'JOB_SIGNATURE_INVALID' }])
  expect(coordinator.job(id).state).toBe('running')
  await author.writer.append('job.cancel', { job: id })
  await until(() => coordinator.job(id).state === 'cancelled', 'the author has cancelled')
  await intake.settled()
  intake.close()
  replica.close()
  submitter.close()
})
