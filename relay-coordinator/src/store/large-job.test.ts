import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { createCoordinator } from '../engine/coordinator.ts'
import { rebuild } from '../core/index.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { rowBytes } from './row-bytes.ts'
import { openSqliteStore } from './sqlite-store.ts'

const UNITS = 1_000_000_000
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let file = ''
beforeEach(async () => {
  temporary = await temporaryFolder()
  file = join(temporary.path, 'coordinator.sqlite')
})
afterEach(() => temporary[Symbol.asyncDispose]())

it('a job of 10⁹ units takes less than 1 KiB until it is leased, and ranges afterwards', async () => {
  const store = openSqliteStore(file)
  const coordinator = createCoordinator({ store, now: () => 1_000, random: () => 0.5, hasBlob: () => Promise.resolve(true) })
  const before = rowBytes(store.database)
  const { manifest, programs } = await loadKernel('n-queens')
  const { verification } = smallSpec({ verification: { quorum: 1 } })
  const { job, signed } = unsigned({ ...specFor(manifest, {}, programs), unitCount: UNITS, verification })
  await coordinator.submit(signed, false)
  const submitted = rowBytes(store.database) - before
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
