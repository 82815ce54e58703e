import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { DISCOVERY_TOPIC, PEERS_FRAME_MAX_BYTES, PEERS_PROTOCOL, peersSchema } from '@peercompute/job-specs/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { authorOf, encodeAnnouncement } from './announcement.ts'
import { openChannel } from './channels.ts'
import { createClientNode } from './client-node.ts'
import { superviseRelay } from './supervisor.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { addressesOf, createTestNetwork, subscribersOf } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

/** A client that says nothing by gossip, since its time stands still. */
async function silentClient(relays: readonly string[]) {
  const { node, discovery } = await createClientNode({ relays, webRtc: false, discovery: { clock: createFakeClock() } })
  network.after(() => node.stop())
  const supervisor = superviseRelay(node, relays)
  network.after(() => {
    supervisor.stop()
  })
  if (discovery === null) throw new Error('no discovery')
  return { node, discovery }
}

async function channelTo(relay: PeerNode): Promise<{ channel: FrameChannel; node: PeerNode }> {
  const node = await network.client(addressesOf(relay), { announce: false })
  const signal = AbortSignal.timeout(5_000)
  const channel = await openChannel(node, relay.peerId.toString(), PEERS_PROTOCOL, { limit: PEERS_FRAME_MAX_BYTES, signal })
  return { channel, node }
}

describe('introducePeers', () => {
  it('makes clients known to each other, with an address that can be dialled, without any gossip', async () => {
    const relay = await network.relay()
    const clients = await Promise.all([1, 2, 3, 4].map(() => silentClient(addressesOf(relay))))
    for (const { node, discovery } of clients) {
      const others = clients.map((client) => client.node.peerId.toString()).filter((peer) => peer !== node.peerId.toString())
      await until(() => others.every((peer) => discovery.known().includes(peer)), 'it knows the others', 10_000)
    }
    const [one, two] = clients
    if (one === undefined || two === undefined) throw new Error('no clients')
    const connection = await one.node.dial(two.node.peerId, { signal: AbortSignal.timeout(5_000) })
    expect(connection.remoteAddr.toString()).toContain('/p2p-circuit')
    const places = clients.map(({ discovery }) => discovery.crowd())
    expect(places.map(({ size }) => size)).toEqual([4, 4, 4, 4])
    expect(places.map(({ rank }) => rank).sort()).toEqual([0, 1, 2, 3])
    expect(subscribersOf(relay, DISCOVERY_TOPIC).size).toBe(4)
  })

  it('ends the stream of a client that introduces somebody else, and tells nobody', async () => {
    const relay = await network.relay()
    const { node, discovery } = await silentClient(addressesOf(relay))
    const { channel } = await channelTo(relay)
    if (node.peerId.publicKey === undefined) throw new Error('no key')
    const forged = encodeAnnouncement(node.peerId.publicKey, [Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 80)])
    await channel.send({ type: 'introduce' }, forged)
    const frames: unknown[] = []
    for await (const { message } of channel.frames) frames.push(peersSchema.parse(message).sizes)
    expect(frames.flat().length).toBeLessThanOrEqual(1)
    expect(discovery.known()).toEqual([])
  })

  it('ends the stream of a client that sends anything else', async () => {
    const relay = await network.relay()
    const { channel } = await channelTo(relay)
    await channel.send({ type: 'list' })
    for await (const { message } of channel.frames) expect(peersSchema.parse(message).crowd).toBe(1)
  })
})

describe('an announcement', () => {
  it('reads as the library writes it, also with a long address, and names its author', async () => {
    const node = await network.client([])
    const key = node.peerId.publicKey
    if (key === undefined) throw new Error('no key')
    const long = new Uint8Array(300).fill(7)
    const bytes = encodeAnnouncement(key, [Uint8Array.of(1, 2), long])
    const keyBytes = publicKeyToProtobuf(key)
    expect([...bytes]).toEqual([0x0a, keyBytes.length, ...keyBytes, 0x12, 2, 1, 2, 0x12, 0xac, 0x02, ...long])
    expect(authorOf(bytes)).toBe(node.peerId.toString())
    expect([authorOf(bytes.subarray(1)), authorOf(bytes.subarray(0, 20)), authorOf(new Uint8Array(0))]).toEqual([null, null, null])
  })
})
