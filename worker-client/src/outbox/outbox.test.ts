import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256Hex, signReport, type ContentHash, type HostId, type Report } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../identity/identity.ts'
import { testIdentity } from '../test-support/test-identity.ts'
import { testJob, testValue } from '../test-support/test-job.ts'
import { createFolderOutboxStore } from './folder-outbox-store.ts'
import { createMemoryOutboxStore } from './memory-outbox-store.ts'
import { createOutbox, type OutboxStore } from './outbox.ts'

let identity: Identity
let host: HostId
let folder: string

beforeEach(async () => {
  identity = await testIdentity()
  host = identity.certificate.host
  folder = await mkdtemp(join(tmpdir(), 'peercompute-outbox-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function report(unit: number, by = identity): Promise<Report> {
  const { id } = await testJob(identity.account)
  return signReport(by.host, {
    v: 1,
    job: id,
    epoch: 7,
    host: by.certificate.host,
    executor: 'js',
    numericClass: 'js-test',
    probeVersion: 1,
    ts: 1,
    units: [{ outcome: 'success', unit, digest: sha256Hex(testValue(unit)) as ContentHash, bytes: 8, computeMs: 1 }]
  })
}

describe.each<[string, () => OutboxStore, (store: OutboxStore) => OutboxStore]>([
  ['memory', () => createMemoryOutboxStore(), (store) => store],
  ['folder', () => createFolderOutboxStore(folder), () => createFolderOutboxStore(folder)]
])('outbox on a %s store', (_name, createStore, reopen) => {
  it('gives back after a restart what was not answered, in order and byte for byte', async () => {
    const store = createStore()
    const before = await createOutbox({ store, host })
    const reports = [await report(3), await report(1), await report(2)]
    for (const [index, said] of reports.entries()) await before.add(said, testValue(said.units[0]?.unit ?? 0), 1_000 + index)
    await before.remove(before.items()[1]?.key ?? '')
    const after = await createOutbox({ store: reopen(store), host })
    expect(after.items().map((item) => item.report)).toEqual([reports[0], reports[2]])
    expect(after.items().map((item) => [...item.values])).toEqual([[...testValue(3)], [...testValue(2)]])
  })

  it('removes reports of another host key, which this one cannot deliver', async () => {
    const store = createStore()
    const stranger = await testIdentity()
    await (await createOutbox({ store, host: stranger.certificate.host })).add(await report(1, stranger), testValue(1), 1)
    expect((await createOutbox({ store, host })).items()).toEqual([])
    expect(await store.load()).toEqual([])
  })
})

describe('createOutbox', () => {
  it('gives up the oldest deadline first when it is full, and counts it', async () => {
    const outbox = await createOutbox({ store: createMemoryOutboxStore(), host, maxBytes: 500 })
    await outbox.add(await report(1), testValue(1), 2_000)
    await outbox.add(await report(2), testValue(2), 1_000)
    expect(outbox.dropped).toBe(0)
    await outbox.add(await report(3), testValue(3), 3_000)
    expect(outbox.dropped).toBe(1)
    expect(outbox.items().map((item) => item.report.units[0]?.unit)).toEqual([1, 3])
  })

  it('keeps the result in memory when it cannot be stored', async () => {
    const full: OutboxStore = { ...createMemoryOutboxStore(), put: () => Promise.reject(new Error('No space')) }
    const outbox = await createOutbox({ store: full, host })
    await outbox.add(await report(1), testValue(1), 1)
    expect(outbox.items()).toHaveLength(1)
    expect(outbox.unstored).toBe(1)
  })
})

describe('createFolderOutboxStore', () => {
  it('writes files that only their owner reads, and leaves no temporary ones', async () => {
    const outbox = await createOutbox({ store: createFolderOutboxStore(folder), host })
    await outbox.add(await report(1), testValue(1), 1)
    const [name = '', ...others] = await readdir(folder)
    expect(others).toEqual([])
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  })

  it('removes torn and foreign files and keeps the rest', async () => {
    const store = createFolderOutboxStore(folder)
    await (await createOutbox({ store, host })).add(await report(1), testValue(1), 1)
    await writeFile(join(folder, 'torn.report'), Uint8Array.of(0, 0, 9, 9, 0, 0))
    await writeFile(join(folder, 'huge.report'), Uint8Array.of(255, 255, 255, 255, 0, 0))
    expect((await createOutbox({ store, host })).items()).toHaveLength(1)
    expect(await readdir(folder)).toHaveLength(1)
  })
})
