import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, signSpec, type JobId, type KeyPair } from '@peercompute/job-specs'
import {
  createFold,
  createLedger,
  exportLedger,
  followLedger,
  importLedger,
  memoryLedgerStore,
  type Ledger,
  type LedgerState,
  type LedgerStore
} from '@peercompute/ledger'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import type { Coordinator } from '../coordinator.ts'
import { createMemoryStore, type CoordinatorStore } from '../core/index.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { loadCoordinatorKeys, type CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { connectedHost, reportOf, smallSpec, u32 } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { createAwaitedBlobs } from '../blobs/awaited-blobs.ts'
import { CHECKPOINT_MS, CHECKPOINT_RECORDS_AFTER_MS } from './checkpoint-due.ts'
import { createLedgerProjection, FLUSH_MS } from './ledger-projection.ts'
import { ENDED_JOBS_TOLD } from './make-snapshot.ts'
import { rangeDigest } from './projected-jobs.ts'
import { restoreJobs } from './restore-jobs.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let keys: CoordinatorKeys
let clock: FakeClock
let author: KeyPair
let closing: (() => unknown)[]

beforeEach(async () => {
  temporary = await temporaryFolder()
  clock = createFakeClock()
  clock.advance(1_700_000_000_000)
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  author = await generateKeyPair({ extractable: true })
  closing = []
})
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  await temporary[Symbol.asyncDispose]()
})

function open(store: CoordinatorStore = createMemoryStore(), feeds: LedgerStore = memoryLedgerStore()) {
  const faults: unknown[] = []
  const coordinator = createCoordinator({ store, now: () => clock.now(), random: () => 0.5, hasBlob: async () => true })
  const ledger = createLedger({ now: () => clock.now(), store: feeds })
  ledger.follow(keys.certificate.root)
  const onFault = (error: unknown) => {
    faults.push(error)
  }
  const projection = createLedgerProjection({ coordinator, ledger, keys, clock, metrics: { ledgerFlushed: () => undefined }, onFault })
  const close = async () => {
    await projection.close()
    ledger.close()
    await coordinator.close()
  }
  closing.push(close)
  return { coordinator, ledger, projection, faults, close }
}

async function submit(coordinator: Coordinator, name: string, unitCount = 4): Promise<JobId> {
  return (await coordinator.submit(await signSpec(author, smallSpec({ name, unitCount, verification: { quorum: 1 } })), false)).id
}

/** One host computes as much of everything as it is given for one question. */
async function compute(coordinator: Coordinator, units: number): Promise<void> {
  const host = connectedHost('a')
  await coordinator.hostConnected(host)
  for (const lease of (await coordinator.ask(host.host, { executor: 'js', units, seconds: 0 })).leases) {
    const all = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
    const { report, values } = reportOf(host.host, lease, all)
    await coordinator.report(report, Buffer.concat(values))
  }
}

const typesOf = (ledger: Ledger) =>
  ledger
    .heads()
    .filter((head) => head.author.toString() === keys.operational.publicKey)
    .map((head) => ledger.entries(head).map(({ record }) => record.type))

function stateOf(ledger: Ledger): LedgerState {
  const fold = createFold(keys.certificate.root)
  followLedger(ledger, fold)()
  return fold.state()
}

/** What a newcomer who asks this replica ends up with. */
async function newcomer(from: Ledger): Promise<Ledger> {
  const ledger = createLedger({ now: () => clock.now(), store: memoryLedgerStore() })
  closing.push(() => {
    ledger.close()
  })
  ledger.follow(keys.certificate.root)
  expect(await importLedger(ledger, exportLedger(from))).toEqual([])
  return ledger
}

it('sums the feed up at the start of a new epoch, drops the old one, and goes on after it', async () => {
  const { coordinator, ledger, projection, faults } = open()
  await projection.start()
  const id = await submit(coordinator, 'half', 10)
  for (let n = 0; n < 3; n++) {
    await compute(coordinator, 2)
    await projection.flush()
  }
  expect(
    stateOf(ledger)
      .jobs.get(id)
      ?.settled.map(({ start, count }) => [start, count])
  ).toEqual([
    [0, 2],
    [2, 2],
    [4, 2]
  ])
  await projection.checkpoint()
  expect(typesOf(ledger)).toEqual([['coordinator.open', 'ledger.checkpoint']])
  const { rows } = await coordinator.results(id, { from: 0, limit: 10 })
  expect(stateOf(ledger).jobs.get(id)?.settled).toEqual([
    { start: 0, count: 6, digest: rangeDigest(rows.map(({ digest }) => digest)), independence: 'host' }
  ])

  await compute(coordinator, 4)
  await projection.flush()
  expect(typesOf(ledger)).toEqual([['coordinator.open', 'ledger.checkpoint', 'ranges.settle', 'job.end', 'credit.totals']])
  const other = await newcomer(ledger)
  expect(stateOf(other)).toEqual(stateOf(ledger))
  expect(stateOf(other).jobs.get(id)).toMatchObject({ admitted: true, ended: { state: 'completed', settled: 10 } })
  expect(stateOf(other).credit).toEqual(coordinator.credit())
  expect(faults).toEqual([])
})

it('is repeated by nobody: a restart after it tells nothing anew, and a second one joins what came since', async () => {
  const [store, feeds] = [createMemoryStore(), memoryLedgerStore()]
  const first = open(store, feeds)
  await first.projection.start()
  const id = await submit(first.coordinator, 'half', 10)
  await compute(first.coordinator, 3)
  await first.projection.flush()
  await first.projection.checkpoint()
  await compute(first.coordinator, 3)
  await first.close()

  const second = open(store, feeds)
  await second.projection.start()
  expect(typesOf(second.ledger)).toEqual([['coordinator.open', 'ledger.checkpoint', 'ranges.settle', 'credit.totals']])
  await second.projection.checkpoint()
  expect(stateOf(second.ledger).jobs.get(id)?.settled).toMatchObject([{ start: 0, count: 6 }])
  expect(typesOf(second.ledger)).toEqual([['coordinator.open', 'ledger.checkpoint']])
})

it('comes by itself when enough was said for long enough', async () => {
  const { coordinator, ledger, projection } = open()
  await projection.start()
  for (let n = 0; n < CHECKPOINT_RECORDS_AFTER_MS; n++) await submit(coordinator, `job-${n}`)
  await projection.flush()
  await projection.flush()
  expect(ledger.checkpoint()).toBe(null)
  clock.advance(CHECKPOINT_MS)
  await until(() => {
    clock.advance(FLUSH_MS)
    return ledger.checkpoint() !== null
  }, 'the checkpoint')
  expect(stateOf(ledger).jobs.size).toBe(CHECKPOINT_RECORDS_AFTER_MS)
})

it('only counts jobs that ended long ago, and they stay away after a restart', async () => {
  const [store, feeds] = [createMemoryStore(), memoryLedgerStore()]
  const { coordinator, ledger, projection, close } = open(store, feeds)
  await projection.start()
  const ids: JobId[] = []
  for (let n = 0; n < ENDED_JOBS_TOLD + 5; n++) ids.push(await submit(coordinator, `job-${n}`))
  for (const _ of ids) await compute(coordinator, 4)
  const live = await submit(coordinator, 'live')
  await projection.flush()
  await projection.checkpoint()
  const { jobs, retired, credit } = stateOf(ledger)
  expect(retired).toEqual({ jobs: 5, units: 20 })
  expect([...jobs.keys()].sort()).toEqual([...ids.slice(5), live].sort())
  expect(credit).toEqual(coordinator.credit())
  await close()

  const again = open(store, feeds)
  await again.projection.start()
  await again.projection.checkpoint()
  expect(stateOf(again.ledger)).toMatchObject({ retired: { jobs: 5, units: 20 } })
  expect(stateOf(again.ledger).jobs.size).toBe(ENDED_JOBS_TOLD + 1)
  expect(again.coordinator.job(ids[0] ?? live).state).toBe('completed')
}, 60_000)

it('leaves the ranges of a rebuilt store as the ledger had them, and joins what was computed since', async () => {
  const before = open()
  await before.projection.start()
  const id = await submit(before.coordinator, 'half', 10)
  for (let n = 0; n < 2; n++) {
    await compute(before.coordinator, 2)
    await before.projection.flush()
  }
  const told = stateOf(before.ledger).jobs.get(id)?.settled ?? []
  expect(told).toHaveLength(2)

  const { coordinator, ledger, projection } = open()
  expect(await importLedger(ledger, exportLedger(before.ledger))).toEqual([])
  const restore = () => restoreJobs(stateOf(ledger), { coordinator, awaited: createAwaitedBlobs() })
  expect([await restore(), await restore()]).toEqual([
    { jobs: 1, units: 4, accounts: 1 },
    { jobs: 1, units: 0, accounts: 1 }
  ])
  await projection.start({ checkpoint: true })
  expect(stateOf(ledger).jobs.get(id)?.settled).toEqual(told)
  for (let n = 0; n < 2; n++) {
    await compute(coordinator, 3)
    await projection.flush()
  }
  await projection.checkpoint()
  const { settled = [] } = stateOf(ledger).jobs.get(id) ?? {}
  expect(settled.slice(0, 2)).toEqual(told)
  expect(settled.slice(2)).toMatchObject([{ start: 4, count: 6 }])
  expect(coordinator.job(id)).toMatchObject({ state: 'completed', units: { validated: 10 }, notHeld: 4, reduced: { sum: '39' } })
  expect(coordinator.credit()).toEqual(stateOf(await newcomer(ledger)).credit)
})
