import { afterEach, describe, expect, it } from 'vitest'
import { createFakeClock } from './testing/fake-clock.ts'
import type { PeerNode } from './gossip.ts'
import { dialPeers } from './peer-dialer.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

function directConnections(node: PeerNode): number {
  return node.getConnections().filter(({ remoteAddr, status }) => status === 'open' && remoteAddr.toString().includes('/webrtc')).length
}

describe('dialPeers', () => {
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
