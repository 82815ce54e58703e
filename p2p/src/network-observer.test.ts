import { DISCOVERY_TOPIC, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { createClientNode } from './client-node.ts'
import { atMost, followTopic } from './gossip.ts'
import { createNetworkObserver } from './network-observer.ts'
import { dialPeers } from './peer-dialer.ts'
import { ALONE } from './redial-delay.ts'
import { groupRelays, superviseRelays } from './supervisor.ts'
import { followTests, publishTest } from './test-messages.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { NetworkReport } from './network-report.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

async function volunteer(relays: readonly string[]) {
  const { node, webRtc, discovery } = await createClientNode({ relays })
  network.after(() => node.stop())
  const supervisor = superviseRelays(node, groupRelays(relays), { crowd: () => discovery?.crowd() ?? ALONE })
  network.after(() => {
    supervisor.stop()
  })
  const observer = createNetworkObserver({ node, relays: supervisor, discovery, webRtc, iceServers: 0 })
  network.after(() => {
    observer.stop()
  })
  network.after(dialPeers(node, { onFailure: observer.failed }))
  followTopic(node, LEDGER_TOPIC, atMost(100))
  return { node, supervisor, observer, discovery }
}

describe('createNetworkObserver', () => {
  it('reports relay, reservation, direct peers, gossip, and that a relay was cut and came back', async () => {
    const relay = await network.relay()
    const one = await volunteer(addressesOf(relay))
    const two = await volunteer(addressesOf(relay))
    const reports: NetworkReport[] = []
    one.observer.onReport((report) => reports.push(report))
    const [me, other] = [one.node.peerId.toString(), two.node.peerId.toString()]

    await until(
      () => reports.at(-1)?.peers.some(({ peer, paths, mesh }) => peer === other && paths.includes('webrtc') && mesh) === true,
      'the direct peer is in the gossip mesh',
      // a first WebRTC dial may run into its time limit where every core is busy
      35_000
    )
    const report = one.observer.report()
    expect(report.peer).toBe(me)
    expect(report.relays).toMatchObject([{ state: { kind: 'connected', peer: relay.peerId.toString() }, reserved: true }])
    expect(report.peers.find(({ relay: isRelay }) => isRelay)).toMatchObject({ peer: relay.peerId.toString(), paths: ['websocket'] })
    expect(report.addresses.some((address) => address.endsWith(`/webrtc/p2p/${me}`))).toBe(true)
    expect(report.known).toBe(1)
    expect(report.topics.find(({ topic }) => topic === DISCOVERY_TOPIC)?.subscribers).toBe(2)
    expect(one.discovery?.crowd()).toEqual({ size: 2, rank: me < other ? 0 : 1 })

    one.supervisor.cut()
    await until(
      () => reports.at(-1)?.relays[0]?.state.kind === 'cut' && reports.at(-1)?.peers.every((peer) => !peer.relay) === true,
      'the relay is gone'
    )
    await until(() => reports.at(-1)?.relays[0]?.reserved === false, 'the address is gone')
    expect(reports.at(-1)?.peers.map(({ peer }) => peer)).toEqual([other])
    one.supervisor.nudge()
    await until(() => reports.at(-1)?.relays[0]?.reserved === true, 'the address is back')
  }, 60_000)

  it('keeps the latest 20 failures, newest first', async () => {
    const { observer } = await volunteer([])
    for (let n = 0; n < 25; n++) observer.failed(`peer ${n}`, 'refused')
    expect(observer.report().failures.map(({ peer }) => peer)).toEqual(Array.from({ length: 20 }, (_, n) => `peer ${24 - n}`))
  })
})

describe('test messages', () => {
  it('reach the others through the relay, under the name of their author', async () => {
    const relay = await network.relay()
    const [one, two] = [await network.client(addressesOf(relay)), await network.client(addressesOf(relay))]
    const heard: unknown[] = []
    network.after(followTests(two, (message) => heard.push(message)))
    await until(async () => {
      await publishTest(one, 'hello')
      return heard.length > 0
    }, 'the text arrived')
    expect(heard[0]).toEqual({ from: one.peerId.toString(), text: 'hello' })
    await expect(publishTest(one, 'x'.repeat(257))).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  })
})

describe('groupRelays', () => {
  it('sorts addresses by the relay that they lead to', () => {
    expect(
      groupRelays(['/ip4/127.0.0.1/tcp/1/ws/p2p/a', '/dns4/b/tcp/2/ws/p2p/b', '/ip4/127.0.0.2/tcp/1/ws/p2p/a', '/ip4/1.2.3.4/tcp/3/ws'])
    ).toEqual([['/ip4/127.0.0.1/tcp/1/ws/p2p/a', '/ip4/127.0.0.2/tcp/1/ws/p2p/a'], ['/dns4/b/tcp/2/ws/p2p/b'], ['/ip4/1.2.3.4/tcp/3/ws']])
  })
})
