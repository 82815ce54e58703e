import { dialPeers, type PeerNode } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { addressesOf, createTestNetwork } from '@peercompute/p2p/testing/network'
import { afterEach, describe, expect, it } from 'vitest'

const network = createTestNetwork()
afterEach(() => network.stop())

function directConnections(node: PeerNode): number {
  return node.getConnections().filter(({ remoteAddr, status }) => status === 'open' && remoteAddr.toString().includes('/webrtc')).length
}

describe('dialPeers', () => {
  it('connects clients that discover each other, once for each pair, and again after a loss', async () => {
    const relay = await network.relay()
    const clients = await Promise.all([1, 2, 3].map(() => network.client(addressesOf(relay), { webRtc: true })))
    for (const client of clients) network.after(dialPeers(client))
    const meshed = (): boolean => clients.every((client) => directConnections(client) === 2)
    await until(meshed, 'each is connected with the two others')
    expect(
      clients.flatMap((client) =>
        client.getConnections().filter(({ direction, remoteAddr }) => direction === 'outbound' && remoteAddr.toString().includes('/webrtc'))
      )
    ).toHaveLength(3)

    const [first] = clients
    const lost = first?.getConnections().find(({ remoteAddr }) => remoteAddr.toString().includes('/webrtc'))
    lost?.abort(new Error('lost'))
    await until(() => !meshed(), 'the loss is noticed')
    await until(meshed, 'they are connected again')
  }, 40_000)
})
