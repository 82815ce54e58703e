/** What the feed says of units that are taken back, and that a coordinator rebuilt from it stands where the first one did. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, signSpec, type JobId, type SignedSpec } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, memoryLedgerStore, settledUnits, type Ledger, type LedgerStore } from '@peercompute/ledger'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { createAwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { Coordinator } from '../coordinator.ts'
import { createMemoryStore, evolve, rebuild, type CoordinatorStore } from '../core/index.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { loadCoordinatorKeys, type CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { createReceiptBook } from '../receipts/receipt-book.ts'
import { connectedHost, reportOf, smallSpec, u32 } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { createLedgerProjection, FLUSH_MS, type LedgerProjection } from './ledger-projection.ts'
import { restoreJobs } from './restore-jobs.ts'
import { RECEIPT_AFTER_MS } from './tell-receipts.ts'

const UNITS = 12

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let keys: CoordinatorKeys
let clock: FakeClock
let faults: unknown[]
let signed: SignedSpec
let closers: (() => Promise<void>)[]

beforeEach(async () => {
  temporary = await temporaryFolder()
  clock = createFakeClock()
  keys = await loadCoordinatorKeys(temporary.path, clock.now())
  signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ unitCount: UNITS, verification: { quorum: 1 } }))
  faults = []
  closers = []
})
afterEach(async () => {
  for (const close of closers.toReversed()) await close()
  await temporary[Symbol.asyncDispose]()
  expect(faults).toEqual([])
})

const onFault = (error: unknown): void => {
  faults.push(error)
}

interface Running {
  readonly coordinator: Coordinator
  readonly ledger: Ledger
  readonly projection: LedgerProjection
  readonly types: () => string[]
  stop(): Promise<void>
}

async function start(store: CoordinatorStore, feeds: LedgerStore): Promise<Running> {
  const coordinator = createCoordinator({ store, now: () => clock.now(), random: () => 0.5, hasBlob: async () => true, onFault })
  const ledger = createLedger({ now: () => clock.now(), store: feeds })
  ledger.follow(keys.certificate.root)
  const receipts = createReceiptBook({ coordinator, keys, clock })
  const projection = createLedgerProjection({
    coordinator,
    ledger,
    keys,
    clock,
    receipts,
    metrics: { ledgerFlushed: () => undefined },
    onFault
  })
  await projection.start()
  let stopped = false
  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    await projection.close()
    ledger.close()
    await coordinator.close()
  }
  closers.push(stop)
  const types = () =>
    ledger
      .heads()
      .filter(({ author }) => author.toString() === keys.operational.publicKey)
      .sort((a, b) => a.epoch - b.epoch)
      .flatMap((head) => ledger.entries(head).map(({ record }) => record.type))
  return { coordinator, ledger, projection, types, stop }
}

/** At most `most` units. */
async function compute({ coordinator }: Running, name: string, most = UNITS): Promise<void> {
  const host = connectedHost(name)
  await coordinator.hostConnected(host)
  for (let left = most; left > 0;) {
    const { leases } = await coordinator.ask(host.host, { executor: 'js', units: left, seconds: 0 })
    if (leases.length === 0) return
    for (const lease of leases) {
      left -= lease.count
      const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      const { report, values } = reportOf(host.host, lease, units)
      await coordinator.report(report, Buffer.concat(values))
    }
  }
}

/** As if the votes had said so. */
function ban(store: CoordinatorStore, name: string): void {
  const state = rebuild(store.load())
  const event = { type: 'host-banned', host: connectedHost(name).host, cause: 'errors', at: clock.now() } as const
  store.commit([event], evolve(state, event))
}

function foldOf(ledger: Ledger) {
  const fold = createFold(keys.certificate.root)
  followLedger(ledger, fold)
  return fold.state()
}

async function receiptTold({ types }: Running, times: number): Promise<void> {
  await until(() => {
    clock.advance(RECEIPT_AFTER_MS)
    return types().filter((type) => type === 'job.receipt').length === times
  }, 'the receipt is told')
}

it('a job whose units are taken back is open in the ledger until it ends again, and a coordinator rebuilt from it pays nobody for them', async () => {
  const [store, feeds] = [createMemoryStore(), memoryLedgerStore()]
  const first = await start(store, feeds)
  const { id } = await first.coordinator.submit(signed, false)
  await compute(first, 'honest', 4)
  await compute(first, 'liar', 3)
  await compute(first, 'honest')
  await first.projection.flush()
  await receiptTold(first, 1)
  const ended = foldOf(first.ledger)
  expect(ended.jobs.get(id)).toMatchObject({ ended: { state: 'completed' }, receipt: { units: UNITS } })
  const accountOf = (name: string) => connectedHost(name).account
  expect([ended.credit.get(accountOf('honest')), ended.credit.get(accountOf('liar'))]).toEqual([UNITS - 3, 3])
  await first.stop()

  ban(store, 'liar')
  const second = await start(store, feeds)
  await until(() => second.coordinator.job(id).units.validated === UNITS - 3, 'the units are open again')
  await until(() => {
    clock.advance(FLUSH_MS)
    return second.coordinator.reopenings().length === 0
  }, 'the ledger has been told')
  await second.projection.flush()
  const open = foldOf(second.ledger)
  expect(open.jobs.get(id)?.ended).toBe(null)
  expect(open.jobs.get(id)?.receipt).toBeUndefined()
  expect(settledUnits(open.jobs.get(id)?.settled ?? [])).toBe(UNITS - 3)
  expect([open.credit.get(accountOf('honest')), open.credit.get(accountOf('liar'))]).toEqual([UNITS - 3, 0])

  await second.projection.checkpoint()
  await compute(second, 'other')
  await second.projection.flush()
  await receiptTold(second, 1)
  const again = foldOf(second.ledger)
  const job = again.jobs.get(id)
  expect(job).toMatchObject({ ended: { state: 'completed', settled: UNITS }, receipt: { units: UNITS } })
  expect(job?.receipt?.root).not.toBe(ended.jobs.get(id)?.receipt?.root)
  expect(settledUnits(job?.settled ?? [])).toBe(UNITS)
  expect(again.credit).toEqual(second.coordinator.credit())

  // A checkpoint sums the same up, and says the receipt again.
  await second.projection.checkpoint()
  expect(foldOf(second.ledger).jobs.get(id)).toMatchObject({ ended: { settled: UNITS }, receipt: job?.receipt })
  await rebuiltAs(second, id)
})

it('what a crash kept from being told of reopened units is told at the next start, also when they are settled again by then', async () => {
  const [store, feeds] = [createMemoryStore(), memoryLedgerStore()]
  const first = await start(store, feeds)
  const { id } = await first.coordinator.submit(signed, false)
  await compute(first, 'liar')
  await first.projection.flush()
  await first.stop()

  ban(store, 'liar')
  // Without a ledger, as if each record had been lost.
  const between = createCoordinator({ store, now: () => clock.now(), random: () => 0.5, hasBlob: async () => true, onFault })
  await until(() => between.job(id).units.validated === 0, 'the units are open again')
  await compute({ ...first, coordinator: between }, 'honest')
  expect(between.job(id).state).toBe('completed')
  await between.close()

  const second = await start(store, feeds)
  expect(second.types().filter((type) => type !== 'job.receipt')).toEqual([
    'coordinator.open',
    'job.admit',
    'ranges.settle',
    'job.end',
    'credit.totals',
    'units.reopen',
    'ranges.settle',
    'job.end',
    'credit.totals'
  ])
  expect(second.coordinator.reopenings()).toEqual([])
  await rebuiltAs(second, id)
  await second.stop()
  const third = await start(store, feeds)
  expect(third.types().filter((type) => type === 'units.reopen')).toHaveLength(1)
})

async function rebuiltAs({ coordinator, ledger }: Running, id: JobId): Promise<void> {
  const state = foldOf(ledger)
  const rebuilt = createCoordinator({ store: createMemoryStore(), now: () => clock.now(), random: () => 0.5, hasBlob: async () => true })
  closers.push(() => rebuilt.close())
  await restoreJobs(state, { coordinator: rebuilt, awaited: createAwaitedBlobs() })
  expect(rebuilt.job(id)).toMatchObject({ state: coordinator.job(id).state, units: { validated: coordinator.job(id).units.validated } })
  expect(new Map([...rebuilt.credit()].filter(([, total]) => total > 0))).toEqual(
    new Map([...coordinator.credit()].filter(([, total]) => total > 0))
  )
}
