import { afterEach, describe, expect, it } from 'vitest'
import { createFakeClock } from './fake-clock.ts'
import type { PeerNode } from './gossip.ts'
import { dialPeers } from './peer-dialer.ts'
import { addressesOf, createTestNetwork, until } from './test-network.ts'

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

  it('tries a peer with an outdated address a few times, and has enough at its limit', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([
      network.client(addressesOf(relay), { webRtc: true }),
      network.client(addressesOf(relay), { webRtc: true })
    ])
    const [dialer, gone] = one.peerId.toString() < two.peerId.toString() ? [one, two] : [two, one]
    await until(() => addressesOf(gone).some((address) => address.includes('/webrtc')), 'it offers WebRTC')
    const addresses = gone.getMultiaddrs()
    await gone.stop()
    const clock = createFakeClock()
    network.after(dialPeers(dialer, { clock, random: () => 0.5 }))
    network.after(dialPeers(dialer, { clock: createFakeClock(), max: 0 }))
    await dialer.peerStore.patch(gone.peerId, { multiaddrs: addresses })
    for (const delay of [1_000, 2_000, 4_000, 8_000]) {
      await until(() => clock.pending()[0] === delay, `the next try is in ${delay} ms`)
      clock.advance(delay)
    }
    await until(() => clock.pending().length === 0, 'it is left alone')
    expect(directConnections(dialer)).toBe(0)
  }, 40_000)
})
