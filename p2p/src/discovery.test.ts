import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeAnnouncement } from './announcement.ts'
import { createClientNode } from './client-node.ts'
import { followTopic, subscribersOf } from './gossip.ts'
import { keepConnected } from './keep-connected.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { until } from './testing/until.ts'
import type { PeerId } from '@libp2p/interface'

const network = createTestNetwork()
afterEach(() => network.stop())

async function strangers(count: number): Promise<PeerId[]> {
  return Promise.all(Array.from({ length: count }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))))
}

/** A client whose time stands still until the test moves it. */
async function client(relays: readonly string[] = []) {
  const clock = createFakeClock()
  const { node, discovery } = await createClientNode({ relays, webRtc: false, discovery: { clock, random: () => 0.5 } })
  network.after(() => node.stop())
  if (discovery === null) throw new Error('no discovery')
  const hear = (peers: readonly PeerId[]): void => {
    for (const id of peers) discovery.safeDispatchEvent('peer', { detail: { id, multiaddrs: [] } })
  }
  return { node, discovery, clock, hear }
}

describe('discovery', () => {
  it('announces every second among few, and less often the more there are', async () => {
    const { discovery, clock, hear } = await client()
    expect(clock.pending()).toEqual([1_000])
    hear(await strangers(99))
    clock.advance(1_000)
    expect(clock.pending()).toEqual([9_900])
    hear(await strangers(200))
    discovery.announce()
    expect(clock.pending()).toEqual([269_100])
  })

  it('forgets who has not been heard for a while, and then speeds up again', async () => {
    const { discovery, clock, hear } = await client()
    const [faithful, ...others] = await strangers(100)
    if (faithful === undefined) throw new Error('nobody')
    hear([faithful, ...others])
    clock.advance(20_000)
    hear([faithful])
    clock.advance(20_000)
    expect(discovery.known()).toEqual([faithful.toString()])
    discovery.announce()
    expect(clock.pending()).toEqual([1_000])
  })

  it('knows its own place in the crowd', async () => {
    const { node, discovery, hear } = await client()
    const peers = await strangers(20)
    hear(peers)
    const order = [node.peerId, ...peers].map(String).sort()
    expect(discovery.crowd()).toEqual({ size: 21, rank: order.indexOf(node.peerId.toString()) })
  })

  it('slows down as soon as its relay tells of a crowd, and takes its place from there', async () => {
    const { discovery, clock } = await client()
    discovery.introduced('relay', { size: 100, rank: 42 }, [])
    expect(discovery.crowd()).toEqual({ size: 100, rank: 42 })
    // somewhere in the interval, not all of it: it may never have spoken
    expect(clock.pending()).toEqual([4_950])
    discovery.introduced('relay', { size: 101, rank: 42 }, [])
    expect(clock.pending()).toEqual([4_950])
  })

  it('reads an announcement once, and again only when it says something else, or after a while', async () => {
    const { discovery, clock } = await client()
    const { discovery: other, node } = await client()
    const key = node.peerId.publicKey
    if (key === undefined) throw new Error('no key')
    expect(other.announcement()).toBeNull()
    const read: number[] = []
    discovery.addEventListener('peer', ({ detail }) => read.push(detail.multiaddrs.length))
    const hearIt = (...ports: readonly number[]): void => {
      const addresses = ports.map((port) => Uint8Array.of(4, 127, 0, 0, 1, 6, 0, port))
      discovery.introduced('relay', { size: 2, rank: 0 }, [encodeAnnouncement(key, addresses)])
    }
    hearIt(80)
    hearIt(80)
    expect(read).toEqual([1])
    hearIt(80, 81)
    expect(read).toEqual([1, 2])
    clock.advance(20_000)
    hearIt(80, 81)
    clock.advance(20_000)
    expect(discovery.known()).toEqual([node.peerId.toString()])
    expect(read).toEqual([1, 2])
    for (let times = 0; times < 8; times++) {
      hearIt(80, 81)
      clock.advance(29_000)
    }
    hearIt(80, 81)
    clock.advance(29_000)
    expect(read).toEqual([1, 2])
    hearIt(80, 81)
    expect(read).toEqual([1, 2, 2])
  })

  it('tells the others soon when it has a new address', async () => {
    const relay = await network.relay()
    const relays = addressesOf(relay)
    const listener = await network.client(relays, { announce: false })
    const heard: string[] = []
    followTopic(listener, DISCOVERY_TOPIC, (data) => {
      heard.push(new TextDecoder().decode(data))
      return 'accept'
    })
    const { node, clock } = await client(relays)
    await until(() => subscribersOf(relay, DISCOVERY_TOPIC).size === 1, 'the listener follows')
    const supervisor = keepConnected(async () => {
      const connection = await node.dial(relay.getMultiaddrs())
      return { peer: '', address: '', onClose: () => undefined, close: () => void connection.close() }
    })
    network.after(() => {
      supervisor.stop()
    })
    await until(() => addressesOf(node).length > 0 && (clock.pending()[0] ?? 0) <= 500, 'it has an address, and means to tell')
    clock.advance(500)
    await until(() => heard.length > 0, 'it was heard', 5_000)
  })
})
