import { afterEach, expect, it } from 'vitest'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

it('is known long before the connection monitor asks', async () => {
  const relay = await network.relay()
  const client = await network.client(addressesOf(relay), { announce: false })
  await until(() => client.getConnections()[0]?.rtt !== undefined, 'the round trip', 5_000)
  expect(client.getConnections()[0]?.rtt).toBeLessThan(5_000)
})
