/** A database that may not grow, ten times: no privilege is needed for it, unlike for a disk that is really full. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createCoordinator } from '../engine/coordinator.ts'
import { rebuild } from '../core/index.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { pragma } from './open-database.ts'
import { openSqliteStore } from './sqlite-store.ts'

const TIMES = 10
/** 4 KiB each. */
const PAGES_BETWEEN = 5
const RESERVE_PAGES = 2

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  temporary = await temporaryFolder()
})
afterEach(() => temporary[Symbol.asyncDispose]())

it('a store that fills up again and again takes results into its reserve, refuses clearly, and has lost nothing afterwards', async () => {
  let reserves = 0
  let spent = 0
  const limit = (pages: number) => pragma(store.database, `max_page_count = ${pages}`)
  const file = join(temporary.path, 'coordinator.sqlite')
  const store = openSqliteStore(file, {
    makeRoom: () => {
      if (reserves === 0) return false
      reserves--
      spent++
      limit(pragma(store.database, 'max_page_count') + RESERVE_PAGES)
      return true
    }
  })
  const coordinator = createCoordinator({ store, now: () => Date.now(), random: Math.random, hasBlob: () => Promise.resolve(true) })
  const { job, signed } = unsigned(smallSpec({ unitCount: 100_000, verification: { quorum: 1 } }))
  await coordinator.submit(signed, false)
  const volunteer = connectedHost('a')
  await coordinator.hostConnected(volunteer)
  const acknowledged = new Set<number>()
  const refused: string[] = []

  /** One contact; what was computed is sent again until it is taken. */
  const work = async (): Promise<boolean> => {
    try {
      for (const lease of (await coordinator.ask(volunteer.host, { executor: 'js', units: 16, seconds: 0 })).leases) {
        const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
        const { report, values } = reportOf(volunteer.host, lease, units)
        const answers = await coordinator.report(report, Buffer.concat(values))
        for (const { unit, answer } of answers) if (answer === 'accepted' || answer === 'late') acknowledged.add(unit)
      }
      return true
    } catch (error) {
      refused.push(error instanceof Error && 'code' in error ? String(error.code) : String(error))
      return false
    }
  }
  for (let time = 0; time < TIMES; time++) {
    reserves = 1
    limit(pragma(store.database, 'page_count') + PAGES_BETWEEN)
    while (await work());
    expect(spent, 'spent once each time').toBe(time + 1)
    limit(1_000_000)
    expect(await work(), 'without help').toBe(true)
  }
  expect(new Set(refused)).toEqual(new Set(['STORE_FULL']))
  expect(store.database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  const validated = coordinator.job(job).units.validated
  await coordinator.close()

  const again = openSqliteStore(file)
  const state = rebuild(again.load())
  const settled = new Set(again.settledUnits(job, 0, 1_000_000).map(({ unit }) => unit))
  expect([...acknowledged].filter((unit) => !settled.has(unit))).toEqual([])
  expect(settled.size).toBe(validated)
  expect([...state.credit.values()].reduce((sum, each) => sum + each, 0)).toBe(settled.size)
  expect(again.auditBrokenAt()).toBe(null)
  again.close()
})
