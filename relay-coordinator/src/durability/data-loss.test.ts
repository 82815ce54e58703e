/** Parts of a data folder that are lost or older than what others know. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { generateKeyPair, signSpec, type JobId } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, importLedger, memoryLedgerStore, settledUnits, type Ledger } from '@peercompute/ledger'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { serve, type RunningServer } from '../serve.ts'
import { connectedHost, reportOf, smallSpec, u32 } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { backup } from './backup.ts'
import { restore } from './restore.ts'

const UNITS = 40
const { signal } = new AbortController()
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let running: { close(): unknown }[]
let dataDir = ''
beforeEach(async () => {
  temporary = await temporaryFolder()
  dataDir = join(temporary.path, 'data')
  running = []
})
afterEach(async () => {
  for (const part of running.reverse()) await part.close()
  await temporary[Symbol.asyncDispose]()
})

async function start(folder = dataDir): Promise<RunningServer> {
  const server = await serve({ dataDir: folder, port: 0 })
  running.push(server)
  return server
}

async function publish({ coordinator }: RunningServer): Promise<JobId> {
  const spec = smallSpec({ unitCount: UNITS, verification: { quorum: 1 } })
  const { id, missingBlobs } = await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), spec), false)
  for (const sha256 of missingBlobs) await coordinator.blobArrived(sha256)
  return id
}

/** Settles about so many units; returns the numbers of the leases that it took. */
async function settle({ coordinator }: RunningServer, units: number): Promise<number[]> {
  const { host } = connectedHost('a')
  await coordinator.hostConnected(connectedHost('a'))
  const epochs: number[] = []
  for (let done = 0; done < units;)
    for (const lease of (await coordinator.ask(host, { executor: 'js', units: 8, seconds: 0 })).leases) {
      epochs.push(lease.epoch)
      const values = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      const { report, values: bytes } = reportOf(host, lease, values)
      done += (await coordinator.report(report, Buffer.concat(bytes))).length
    }
  return epochs
}

/** Feeds begin at epochs that are unix seconds: whoever loses one within the second in which it began could not tell them apart. */
async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1_000)
  await vi.waitUntil(() => Math.floor(Date.now() / 1_000) > second, { timeout: 5_000 })
}

const replica = (): Ledger => createLedger({ now: () => Date.now(), store: memoryLedgerStore() })

/** What a peer holds after it has asked this coordinator for everything. */
async function follow(ledger: Ledger, { url }: RunningServer): Promise<string[]> {
  const bytes = new Uint8Array(await (await fetch(`${url}/api/v1/ledger`)).arrayBuffer())
  return (await importLedger(ledger, bytes)).map(({ feed, refusal }) => `${feed?.epoch ?? 'snapshot'}: ${refusal}`)
}

function foldOf(ledger: Ledger, root: string, job: JobId) {
  const fold = createFold(root)
  followLedger(ledger, fold)()
  const { jobs, credit } = fold.state()
  const told = jobs.get(job)
  return {
    settled: settledUnits(told?.settled ?? []),
    ended: told?.ended?.state ?? null,
    credit: [...credit.values()].reduce((sum, each) => sum + each, 0)
  }
}

it('the ledger is written anew from the database when its file is lost, and peers who held the old one believe it', async () => {
  const first = await start()
  const job = await publish(first)
  await settle(first, 16)
  await first.close()
  // Written down at the end.
  const between = await start()
  const peer = replica()
  expect(await follow(peer, between)).toEqual([])
  const before = foldOf(peer, between.root, job)
  expect(before).toMatchObject({ settled: expect.any(Number) as number, ended: null })
  expect(before.settled).toBeGreaterThanOrEqual(16)
  await between.close()

  await nextSecond()
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, `feeds.sqlite${suffix}`), { force: true })
  const again = await start()
  const stranger = replica()
  expect(await follow(stranger, again)).toEqual([])
  expect(foldOf(stranger, again.root, job)).toEqual(before)
  expect(await follow(peer, again)).toEqual([])
  expect(foldOf(peer, again.root, job)).toEqual(before)
  expect(peer.heads().filter((feed) => peer.fork(feed) !== null)).toEqual([])
})

it('a restored copy uses no lease number twice and continues no feed that may be longer elsewhere', async () => {
  const first = await start()
  const job = await publish(first)
  const early = await settle(first, 8)
  const copy = join(temporary.path, 'copy')
  const made = await backup({ dataDir, to: copy, now: Date.now(), signal })
  expect(made).toMatchObject({ jobs: 1, settledUnits: first.coordinator.job(job).units.validated, root: first.root })
  for (const file of ['coordinator.sqlite', 'feeds.sqlite', 'manifest.json']) expect(statSync(join(copy, file)).mode & 0o777).toBe(0o600)
  const late = await settle(first, 16)
  await first.close()
  const unheard = await start()
  const peer = replica()
  expect(await follow(peer, unheard)).toEqual([])
  const { settled } = foldOf(peer, first.root, job)
  expect(settled).toBeGreaterThan(made.settledUnits)
  await unheard.close()

  const elsewhere = join(temporary.path, 'elsewhere')
  await nextSecond()
  await restore({ from: copy, dataDir: elsewhere, now: Date.now(), signal })
  const restored = await start(elsewhere)
  expect(restored.coordinator.job(job).units.validated).toBe(made.settledUnits)
  const epochs = await settle(restored, UNITS - made.settledUnits)
  expect(epochs.filter((epoch) => early.includes(epoch) || late.includes(epoch))).toEqual([])
  expect(restored.coordinator.job(job)).toMatchObject({ state: 'completed', units: { validated: UNITS } })
  const credit = [...restored.coordinator.credit().values()].reduce((sum, each) => sum + each, 0)
  await restored.close()
  const last = await start(elsewhere)
  expect(await follow(peer, last)).toEqual([])
  expect(foldOf(peer, first.root, job)).toMatchObject({ ended: 'completed', credit })
  expect(credit).toBe(UNITS)
  expect(peer.heads().filter((feed) => peer.fork(feed) !== null)).toEqual([])
})

it('a backup is refused when a file of it is missing or was changed, and nothing is left of the attempt', async () => {
  await publish(await start())
  const copy = join(temporary.path, 'copy')
  await backup({ dataDir, to: copy, now: Date.now(), signal })
  const attempt = async (change: (folder: string) => void) => {
    const changed = join(temporary.path, 'changed')
    await cp(copy, changed, { recursive: true })
    change(changed)
    await expect(restore({ from: changed, dataDir: join(temporary.path, 'new'), now: Date.now(), signal })).rejects.toMatchObject({
      code: 'BACKUP_INVALID'
    })
    rmSync(changed, { recursive: true })
  }
  await attempt((folder) => {
    rmSync(join(folder, 'keys', 'peer.key'))
  })
  await attempt((folder) => {
    const database = new DatabaseSync(join(folder, 'coordinator.sqlite'))
    database.exec('UPDATE jobs SET cursor = 7')
    database.close()
  })
  await attempt((folder) => {
    rmSync(join(folder, 'manifest.json'))
  })
  const stop = new AbortController()
  stop.abort(new Error('stopped'))
  await expect(backup({ dataDir, to: join(temporary.path, 'late'), now: 0, signal: stop.signal })).rejects.toThrow('stopped')
  expect(readdirSync(temporary.path).sort()).toEqual(['copy', 'data'])
})
