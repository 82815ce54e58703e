import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createCoordinator } from '../engine/coordinator.ts'
import { rebuild } from '../core/index.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts'

const UNITS = 1_000_000_000
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let file = ''
beforeEach(async () => {
  temporary = await temporaryFolder()
  file = join(temporary.path, 'coordinator.sqlite')
})
afterEach(() => temporary[Symbol.asyncDispose]())

/** Bytes of all values of all rows. */
function rowBytes({ database }: SqliteStore): number {
  let sum = 0
  for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
    for (const row of database.prepare(`SELECT * FROM "${String(name)}"`).all())
      for (const value of Object.values(row)) {
        if (typeof value === 'string') sum += Buffer.byteLength(value)
        else if (value instanceof Uint8Array) sum += value.length
        else if (value !== null) sum += 8
      }
  return sum
}

it('a job of 10⁹ units takes less than 1 KiB until it is leased, and ranges afterwards', async () => {
  const store = openSqliteStore(file)
  const coordinator = createCoordinator({ store, now: () => 1_000, random: () => 0.5, hasBlob: () => Promise.resolve(true) })
  const before = rowBytes(store)
  const { job, signed } = unsigned(smallSpec({ unitCount: UNITS, verification: { quorum: 1 } }))
  await coordinator.submit(signed, false)
  const submitted = rowBytes(store) - before
  expect(submitted).toBeLessThan(1_024)
  expect(coordinator.job(job)).toMatchObject({ unitCount: UNITS, units: { validated: 0 } })

  const { host } = connectedHost('a')
  await coordinator.hostConnected(connectedHost('a'))
  const sizes: number[] = []
  for (let round = 0; round < 4; round++) {
    for (const lease of (await coordinator.ask(host, { executor: 'js', units: 8, seconds: 0 })).leases) {
      const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(i) }))
      const { report, values } = reportOf(host, lease, units)
      await coordinator.report(report, Buffer.concat(values))
    }
    sizes.push(store.load().settled.length)
  }
  expect(coordinator.job(job).units.validated).toBeGreaterThan(4)
  // However many are settled, a start reads one range.
  expect(sizes).toEqual([1, 1, 1, 1])
  await coordinator.close()
  const again = openSqliteStore(file)
  expect(rebuild(again.load()).jobs.get(job)).toMatchObject({ cursor: coordinator.job(job).units.validated })
  again.close()
})
