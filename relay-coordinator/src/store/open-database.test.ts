import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { rebuild, unitMicroCredits } from '../core/index.ts'
import { driveStore, range, settledUnit } from '../testing/drive-store.ts'
import { connectedHost, smallSpec, unsigned } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { MIGRATIONS } from './schema.ts'
import { specBytes } from './spec-bytes.ts'
import { openSqliteStore } from './sqlite-store.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let file = ''
beforeEach(async () => {
  temporary = await temporaryFolder()
  file = join(temporary.path, 'coordinator.sqlite')
})
afterEach(() => temporary[Symbol.asyncDispose]())

const { job, signed } = unsigned(smallSpec({ unitCount: 9 }))
const holders = ['a', 'b'].map((name) => {
  const { host, account, subnet } = connectedHost(name)
  return { host, account, subnet, executor: 'js' as const }
})

/** What is said of votes of which no more was kept. */
const BEFORE_TRUST = { probeVersion: 1, computeMs: 0, metric: 0, bound: 0 }

/** As version 2 of the tables was written: holders and votes spelled out, the signed job in its row, the audit log without hashes. */
function writeVersion2(): void {
  const database = new DatabaseSync(file)
  for (const migration of MIGRATIONS.slice(0, 2)) database.exec(migration)
  database.exec('PRAGMA user_version = 2')
  const [a, b] = holders
  const { digest, value, settledAt } = settledUnit(3)
  const votes = [
    { epoch: 1, holder: a, numericClass: 'test', verdict: 'canonical' },
    { epoch: 2, holder: b, numericClass: 'test', verdict: 'rejected' }
  ]
  database
    .prepare(
      `INSERT INTO jobs (id, signed, custodial, submitted_at, state, missing_blobs, cursor, next_epoch, executions, reduced, settlers, failures, retired)
       VALUES (?, ?, 0, 5, 'running', '[]', 5, 4, 2, '{"kind":"sum","sum":"3"}', '[]', '[]', 0)`
    )
    .run(job, JSON.stringify(signed))
  database.prepare('INSERT INTO settled VALUES (1, 3, ?, ?, ?, ?)').run(digest, value, JSON.stringify(votes), settledAt)
  database.prepare('INSERT INTO leases VALUES (1, 3, 4, 1, ?, 99, 0)').run(JSON.stringify(b))
  database.prepare("INSERT INTO pending_results VALUES (1, 4, 1, ?, 'test', 1, ?, ?, 1.5, 7)").run(JSON.stringify(a), digest, value)
  database.prepare("INSERT INTO failed_attempts VALUES (1, 2, 1, ?, 'runtime_error', 'it broke')").run(JSON.stringify(a))
  database.prepare("INSERT INTO errored VALUES (1, 0, 'too_many_failures')").run()
  database.prepare('INSERT INTO not_held VALUES (1, 1, 1)').run()
  database.prepare('INSERT INTO credit VALUES (?, 12)').run(a?.account ?? '')
  database.prepare("INSERT INTO audit (at, kind, body) VALUES (5, 'job-submitted', '{}'), (6, 'settled', '{}')").run()
  database.close()
}

it('a database of version 2 is brought forward with all that it holds', () => {
  writeVersion2()
  const store = openSqliteStore(file)
  const rows = store.load()
  expect(rows.jobs).toEqual([expect.objectContaining({ id: job, signed, cursor: 5, nextEpoch: 4, held: false, stateWhy: null })])
  expect(rows.results).toEqual([expect.objectContaining({ unit: 4, result: expect.objectContaining({ holder: holders[0] }) as unknown })])
  expect(rows.leases).toEqual([expect.objectContaining({ epoch: 3, holder: holders[1] })])
  expect(rows.failures).toEqual([expect.objectContaining({ unit: 2, attempt: expect.objectContaining({ holder: holders[0] }) as unknown })])
  expect(store.settledUnits(job, 0, 10)).toEqual([
    {
      ...settledUnit(3),
      votes: [
        { ...BEFORE_TRUST, digest: settledUnit(3).digest, epoch: 1, holder: holders[0], numericClass: 'test', verdict: 'canonical' },
        { ...BEFORE_TRUST, digest: settledUnit(3).digest, epoch: 2, holder: holders[1], numericClass: 'test', verdict: 'rejected' }
      ]
    }
  ])
  const entry = rebuild(rows).jobs.get(job)
  expect([[...(entry?.settled.ranges() ?? [])], [...(entry?.errored.ranges() ?? [])]]).toEqual([
    [
      [1, 1],
      [3, 1]
    ],
    [[0, 1]]
  ])
  expect(rows.credit).toEqual([[holders[0]?.account, 12, 0]])

  // It goes on, and old and new rows stand side by side.
  driveStore(store, { unitCount: 9 }).settle([6, 7])
  expect(store.settledUnits(job, 0, 10).map(({ unit }) => unit)).toEqual([3, 6, 7])
  expect(store.auditEntries(1, 10).map(({ kind, hash }) => [kind, hash !== null])).toEqual([
    ['job-submitted', false],
    ['settled', false],
    ['settled', true]
  ])
  expect(store.auditBrokenAt()).toBe(null)
  store.close()
  const again = openSqliteStore(file)
  expect(rebuild(again.load()).jobs.get(job)?.settled.size).toBe(4)
  again.close()
})

/** As version 3 of the tables was written: holders by number, votes in short, and nothing of trust. */
function writeVersion3(): void {
  const database = new DatabaseSync(file)
  for (const migration of MIGRATIONS.slice(0, 3)) database.exec(migration)
  database.exec('PRAGMA user_version = 3')
  const { digest, value, settledAt } = settledUnit(3)
  database
    .prepare(
      `INSERT INTO jobs (id, custodial, submitted_at, state, missing_blobs, cursor, next_epoch, executions, reduced, settlers, failures)
       VALUES (?, 0, 5, 'running', '[]', 5, 4, 2, '{"kind":"sum","sum":"3"}', '[]', '[]')`
    )
    .run(job)
  database.prepare('INSERT INTO specs VALUES (1, ?)').run(specBytes(signed))
  for (const { host, account, subnet, executor } of holders)
    database.prepare('INSERT INTO holders (host, account, subnet, executor) VALUES (?, ?, ?, ?)').run(host, account, subnet, executor)
  const votes = [
    [1, 1, 'test', 'c'],
    [2, 2, 'test', 'r']
  ]
  database.prepare('INSERT INTO settled VALUES (1, 3, ?, ?, ?, ?)').run(digest, value, JSON.stringify(votes), settledAt)
  database.prepare("INSERT INTO pending_results VALUES (1, 4, 1, 1, 'test', 1, ?, ?, 1.5, 7)").run(digest, value)
  database.close()
}

it('a database of version 3 is brought forward: no host has a reputation, and the price of its jobs is fixed', () => {
  writeVersion3()
  const store = openSqliteStore(file)
  const rows = store.load()
  const price = unitMicroCredits(signed.spec.unitOperations)
  expect(rows.jobs).toEqual([expect.objectContaining({ id: job, signed, reduceAnew: false, unitMicroCredits: price, pricing: null })])
  expect([rows.reputations, rows.bans]).toEqual([[], []])
  expect(rows.results.map(({ result }) => [result.holder, 'verified' in result])).toEqual([[holders[0], false]])
  expect(store.settledUnits(job, 0, 10)).toEqual([
    {
      ...settledUnit(3),
      votes: [
        { ...BEFORE_TRUST, digest: settledUnit(3).digest, epoch: 1, holder: holders[0], numericClass: 'test', verdict: 'canonical' },
        { ...BEFORE_TRUST, digest: settledUnit(3).digest, epoch: 2, holder: holders[1], numericClass: 'test', verdict: 'rejected' }
      ]
    }
  ])
  driveStore(store, { unitCount: 9 }).settle([6])
  expect(store.settledUnits(job, 0, 10)[1]).toEqual(settledUnit(6))
  expect(store.load().reputations.length).toBeGreaterThan(0)
  store.close()
})

it('a database of a newer program is refused, and left as it is', () => {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`)
  database.close()
  const before = readFileSync(file)
  expect(() => openSqliteStore(file)).toThrow(
    expect.objectContaining({ code: 'STORE_TOO_NEW', detail: expect.stringContaining(`version ${MIGRATIONS.length + 1}`) as unknown })
  )
  const after = new DatabaseSync(file)
  expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length + 1 })
  after.close()
  expect(before.length).toBeGreaterThan(0)
})

it('a database with a damaged page is refused at the start, with its name', () => {
  const store = openSqliteStore(file)
  const drive = driveStore(store)
  drive.settle(range(0, 2_000))
  store.close()
  const bytes = readFileSync(file)
  for (let at = 20 * 4_096; at < bytes.length; at += 4_096) bytes.fill(0x5a, at + 8, at + 600)
  writeFileSync(file, bytes)
  expect(() => openSqliteStore(file)).toThrow(
    expect.objectContaining({ code: 'STORE_DAMAGED', detail: expect.stringContaining('coordinator.sqlite') as unknown })
  )
})
