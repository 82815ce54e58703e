import { afterEach, beforeEach, expect, it } from 'vitest'
import { certifyHost, generateKeyPair, signSpec, type AuthorId, type JobId } from '@peercompute/job-specs'
import { createLedger, exportLedger, importLedger, memoryLedgerStore, type FeedName, type Ledger } from '@peercompute/ledger'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { memoryAudit } from '../access/memory-audit.ts'
import { createOperator, type Operator } from '../access/operator.ts'
import { memoryAccessStore } from '../access/sqlite-access-store.ts'
import { createAwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { Coordinator } from '../coordinator.ts'
import { createMemoryStore } from '../core/index.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { loadCoordinatorKeys, type CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { createTotals, type Totals } from '../metrics/totals.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openLedgerPart, type LedgerPart } from './ledger-part.ts'
import { RECOVERY_QUIET_MS } from './recovery.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let keys: CoordinatorKeys
let clock: FakeClock
let closing: (() => unknown)[]

beforeEach(async () => {
  temporary = await temporaryFolder()
  clock = createFakeClock()
  clock.advance(1_700_000_000_000)
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  closing = []
})
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  await temporary[Symbol.asyncDispose]()
})

/** A coordinator with an empty store and an empty ledger, as after a loss. */
async function open(
  options: { recover?: boolean } = {}
): Promise<{ part: LedgerPart; coordinator: Coordinator; totals: Totals; operator: Operator }> {
  const coordinator = createCoordinator({
    store: createMemoryStore(),
    now: () => clock.now(),
    random: () => 0.5,
    hasBlob: async () => true
  })
  const [metrics, totals] = [createMetrics(coordinator), createTotals(coordinator)]
  const operator = createOperator({
    store: memoryAccessStore(),
    audit: memoryAudit(),
    coordinator,
    keys,
    adminToken: { accepts: () => false },
    newResearchers: 'admit',
    announce: (revocation) => part.announce(revocation),
    now: () => clock.now()
  })
  const part: LedgerPart = await openLedgerPart({
    coordinator,
    keys,
    operator,
    store: memoryLedgerStore(),
    awaited: createAwaitedBlobs(),
    metrics,
    totals,
    clock,
    logger: undefined,
    onFault: (error) => {
      throw error
    },
    recover: options.recover ?? false
  })
  closing.push(async () => {
    await part.close()
    totals.close()
    metrics.close()
    await coordinator.close()
  })
  return { part, coordinator, totals, operator }
}

/** The ledger of a coordinator with these keys that had admitted one job. */
async function remembered(): Promise<Ledger> {
  const { part, coordinator } = await open()
  await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec()), false)
  const admitted = () => part.ledger.heads().some(({ author, length }) => author.toString() === keys.operational.publicKey && length > 1)
  await until(() => {
    clock.advance(1_000)
    return admitted()
  }, 'the admission')
  return part.ledger
}

it('is closed while it recovers, writes no record of its own, and opens when the ledger has come and nothing more follows', async () => {
  const peer = await remembered()
  const { part, coordinator, totals } = await open({ recover: true })
  clock.advance(RECOVERY_QUIET_MS * 10)
  expect([part.isOpen(), part.ledger.heads()]).toEqual([false, []])
  expect(await importLedger(part.ledger, exportLedger(peer))).toEqual([])
  clock.advance(RECOVERY_QUIET_MS - 1)
  expect([part.isOpen(), part.ledger.heads().length]).toEqual([false, peer.heads().length])
  clock.advance(1)
  expect(await part.recovered).toEqual({ jobs: 1, units: 0, accounts: 0 })
  expect([part.isOpen(), coordinator.jobs({ limit: 10 }).items.length, totals.jobs]).toEqual([true, 1, 1])
  // What it wrote then is an epoch that nobody can have seen, and begins with a checkpoint.
  expect(part.ledger.checkpoint()?.feed).toMatchObject({ author: keys.operational.publicKey })
  const epochs = peer.heads().map(({ epoch }) => epoch)
  expect(part.ledger.checkpoint()?.feed.epoch).toBeGreaterThan(Math.max(...epochs))
})

it('can be told to stop while it recovers, and has still written nothing', async () => {
  const { part } = await open({ recover: true })
  await part.close()
  await expect(part.recovered).rejects.toMatchObject({ name: 'AbortError' })
})

it('warns when the keys are known and nothing else is, but not at the very first start', async () => {
  expect((await open()).part.warnings).toEqual([])
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  expect((await open()).part.warnings).toEqual([expect.stringContaining('--recover')])
})

it('takes nothing more from an author whose key it has revoked', async () => {
  const { part } = await open()
  const author = await generateKeyPair({ extractable: true })
  const theirs = createLedger({ now: () => clock.now(), store: memoryLedgerStore() })
  closing.push(() => {
    theirs.close()
  })
  const writer = theirs.writer(author)
  await writer.append('feed.open', {
    certificate: await certifyHost(await generateKeyPair({ extractable: true }), author.publicKey, '', 0)
  })
  const send = (feed: FeedName, from: number) => part.ledger.admit(feed, theirs.updateFrom(feed, from) ?? new Uint8Array())
  expect(await send(writer.feed, 0)).toMatchObject({ applied: true })
  await part.ledger.writer(keys.operational).append('key.revoke', { key: author.publicKey as AuthorId, reason: 'test' })
  await writer.append('job.publish', { signed: await signSpec(author, smallSpec()) })
  expect(await send(writer.feed, 1)).toEqual({ applied: false, refusal: 'banned' })
})

it('says a revocation at once, in its own name, and finds it again in the ledger when the database is lost', async () => {
  const { part, coordinator, operator } = await open()
  const author = await generateKeyPair({ extractable: true })
  const ids = await Promise.all(
    [1, 2].map(async (revision) => (await coordinator.submit(await signSpec(author, smallSpec({ revision })), false)).id)
  )
  const [first, second] = ids as [JobId, JobId]
  // No time passes: the batch of the second is not waited for.
  expect(await operator.revocations.revoke({ job: first, reason: 'a test' }, 'a test')).toMatchObject({ jobs: [first], announced: true })
  const own = part.ledger.heads().find((head) => head.author.toString() === keys.operational.publicKey)
  expect(own && part.ledger.entries(own).at(-1)?.record).toMatchObject({ type: 'job.revoke', body: { job: first, reason: 'a test' } })
  expect(await operator.revocations.revoke({ key: author.publicKey as AuthorId, reason: 'stolen' }, 'a test')).toMatchObject({
    jobs: [second]
  })
  await until(() => {
    clock.advance(1_000)
    return own !== undefined && part.ledger.entries(own).some(({ record }) => record.type === 'job.admit')
  }, 'the admissions')

  const again = await open({ recover: true })
  await importLedger(again.part.ledger, exportLedger(part.ledger))
  clock.advance(RECOVERY_QUIET_MS)
  await again.part.recovered
  expect(again.coordinator.job(first).state).toBe('cancelled')
  expect(again.coordinator.job(second).state).toBe('cancelled')
  expect(() => {
    again.operator.revocations.check(author.publicKey as AuthorId, first)
  }).toThrow(/a test/)
  // Somebody else, whose jobs are remembered, need not ask.
  expect(again.operator.researchers.list()).toMatchObject([{ author: author.publicKey, status: 'approved' }])
})

it('says later what it could not say at once', async () => {
  const { part, operator } = await open({ recover: true })
  const job = 'a'.repeat(64) as JobId
  expect(await operator.revocations.revoke({ job, reason: 'early' }, 'a test')).toMatchObject({ jobs: [], announced: false })
  const peer = await remembered()
  await importLedger(part.ledger, exportLedger(peer))
  clock.advance(RECOVERY_QUIET_MS)
  await part.recovered
  const records = part.ledger.heads().flatMap((head) => part.ledger.entries(head).map(({ record }) => record))
  expect(records.filter(({ type }) => type === 'job.revoke')).toMatchObject([{ body: { job, reason: 'early' } }])
})
