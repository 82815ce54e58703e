import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PeerComputeError } from '@peercompute/job-specs'
import { driveStore, MICRO_CREDITS, range } from '../testing/drive-store.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let store: SqliteStore
beforeEach(async () => {
  temporary = await temporaryFolder()
  store = openSqliteStore(join(temporary.path, 'coordinator.sqlite'))
})
afterEach(async () => {
  store.close()
  await temporary[Symbol.asyncDispose]()
})

it('tells of admissions, settled ranges, who earned what, and ends, in pages', () => {
  const drive = driveStore(store, { unitCount: 12 })
  drive.settle([...range(0, 5), ...range(7, 3)])
  drive.end()
  store.audit('token-created', { id: 'one' }, 9)
  const entries = store.auditEntries(1, 10)
  expect(entries.map(({ seq, kind }) => [seq, kind])).toEqual([
    [1, 'job-submitted'],
    [2, 'settled'],
    [3, 'job-state'],
    [4, 'token-created']
  ])
  const { units, credit } = entries[1]?.body as { units: unknown; credit: Record<string, number> }
  expect(units).toEqual([
    [0, 5],
    [7, 3]
  ])
  expect(Object.values(credit).reduce((sum, each) => sum + each, 0)).toBe(8 * 2 * MICRO_CREDITS)
  expect(credit).toEqual(Object.fromEntries(drive.state.credit))
  expect(store.auditEntries(2, 2).map(({ seq }) => seq)).toEqual([2, 3])
  expect(entries[3]).toMatchObject({ at: 9, body: { id: 'one' } })
})

it('shows that an entry was taken out or changed', () => {
  store.transact((audit) => {
    for (let n = 0; n < 1_500; n++) audit('note', { n }, n)
  })
  expect(store.auditBrokenAt()).toBe(null)
  const keep = (change: string, broken: number) => {
    store.database.exec('SAVEPOINT tampering')
    store.database.exec(change)
    expect(store.auditBrokenAt()).toBe(broken)
    store.database.exec('ROLLBACK TO tampering; RELEASE tampering')
  }
  keep('DELETE FROM audit WHERE seq = 700', 701)
  keep('DELETE FROM audit WHERE seq < 10', 10)
  keep('UPDATE audit SET body = \'{"n":0}\' WHERE seq = 1200', 1_200)
  keep('UPDATE audit SET at = 0 WHERE seq = 1001', 1_001)
  keep('UPDATE audit SET hash = NULL WHERE seq = 5', 5)
  keep('DELETE FROM audit WHERE seq = 30; UPDATE audit SET seq = seq - 1 WHERE seq > 30', 30)
  expect(store.auditBrokenAt()).toBe(null)
})

it('holds nothing of a transaction that was taken back, and its chain goes on', () => {
  store.audit('first', {}, 1)
  expect(() =>
    store.transact((audit) => {
      audit('second', {}, 2)
      throw new PeerComputeError('CONFIG_INVALID', 'no')
    })
  ).toThrow('no')
  store.transact((audit) => {
    audit('third', {}, 3)
  })
  expect(store.auditEntries(1, 9).map(({ seq, kind }) => [seq, kind])).toEqual([
    [1, 'first'],
    [2, 'third']
  ])
  expect(store.auditBrokenAt()).toBe(null)
})
