/** Run by sqlite-store.test.ts: settles units as fast as it can and prints each acknowledged one, until it is killed. */
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { openSqliteStore } from './sqlite-store.ts'

const coordinator = createCoordinator({
  store: openSqliteStore(process.argv[2] ?? ''),
  now: () => Date.now(),
  random: Math.random,
  hasBlob: () => Promise.resolve(true)
})
const { signed } = unsigned(smallSpec({ unitCount: 1_000_000 }))
await coordinator.submit(signed, false)
const hosts = ['a', 'b'].map((name) => connectedHost(name))
for (const host of hosts) await coordinator.hostConnected(host)
for (;;) {
  for (const { host } of hosts) {
    for (const lease of (await coordinator.ask(host, { executor: 'js', units: 8, seconds: 0 })).leases) {
      const { report, values } = reportOf(
        host,
        lease,
        Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      )
      const answers = await coordinator.report(report, Buffer.concat(values))
      const lines = answers.filter(({ answer }) => answer === 'accepted').map(({ unit }) => `${host} ${unit}\n`)
      process.stdout.write(lines.join(''))
    }
  }
}
