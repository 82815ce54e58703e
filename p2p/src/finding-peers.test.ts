/** How clients find and reach each other when one of the ways is missing. */
import { afterEach, describe, expect, it } from 'vitest'
import { createClientNode } from './client-node.ts'
import { dialPeers } from './peer-dialer.ts'
import { pathOf } from './peer-path.ts'
import { DHT_PROTOCOL } from './settings.ts'
import { superviseRelay } from './supervisor.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { PeerNode } from './gossip.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

function pathsTo(node: PeerNode, other: PeerNode): string[] {
  return node
    .getConnections(other.peerId)
    .filter(({ status }) => status === 'open')
    .map(({ remoteAddr }) => pathOf(remoteAddr))
}

const hasCircuit = (node: PeerNode): boolean => addressesOf(node).some((address) => address.includes('/p2p-circuit'))

describe('TCP', () => {
  const tcp = { tcpListen: ['/ip4/127.0.0.1/tcp/0'] }

  it('joins two Node clients directly, without WebRTC, and outlives the relay', async () => {
    const relay = await network.relay()
    const clients = [await network.client(addressesOf(relay), tcp), await network.client(addressesOf(relay), tcp)] as const
    for (const client of clients) network.after(dialPeers(client))
    const joined = (): boolean => pathsTo(...clients).includes('tcp')
    await until(joined, 'they are joined')
    await relay.stop()
    await until(() => clients.every((client) => client.getConnections(relay.peerId).length === 0), 'the relay is gone')
    expect(pathsTo(...clients)).toEqual(['tcp'])
  })

  it('is dialled by a client that does not listen itself', async () => {
    const relay = await network.relay()
    const [quiet, open] = [await network.client(addressesOf(relay)), await network.client(addressesOf(relay), tcp)]
    expect(addressesOf(quiet).filter((address) => /\/tcp\/\d+$/.test(address.split('/p2p/')[0] ?? ''))).toEqual([])
    await quiet.dial(open.getMultiaddrs().filter((address) => pathOf(address) === 'tcp'))
    expect(pathsTo(quiet, open)).toEqual(['tcp'])
  })
})

describe('the DHT', () => {
  it('knows the address of a client of the same relay when nobody announces anything', async () => {
    const relay = await network.relay()
    const one = await network.client(addressesOf(relay), { announce: false })
    const two = await network.client(addressesOf(relay), { announce: false })
    await until(() => hasCircuit(two), 'two has an address')
    expect(one.services.pubsub.getTopics()).toEqual([])
    await until(async () => {
      const found = await one.peerRouting.findPeer(two.peerId, { signal: AbortSignal.timeout(2_000) }).catch(() => null)
      return found?.multiaddrs.some((address) => address.toString().includes('/p2p-circuit')) === true
    }, 'one has found the address of two')
    expect([one, relay].map((node) => node.getProtocols().includes(DHT_PROTOCOL))).toEqual([false, true])
    await one.dial(two.peerId, { signal: AbortSignal.timeout(10_000) })
    expect(pathsTo(one, two)).toEqual(['circuit'])
  })
})

describe('discovery', () => {
  it('finds a peer again that comes back as another one, as a page does that is loaded again', async () => {
    const relay = await network.relay()
    const relays = addressesOf(relay)
    const { node, discovery } = await createClientNode({ relays, webRtc: false })
    network.after(() => node.stop())
    const supervisor = superviseRelay(node, relays)
    network.after(() => {
      supervisor.stop()
    })
    for (let load = 0; load < 2; load++) {
      const page = await network.client(relays)
      await until(() => discovery?.known().includes(page.peerId.toString()) === true, `load ${load} of the page is known`)
      await page.stop()
    }
    expect(discovery?.crowd().size).toBe(3)
  })
})
