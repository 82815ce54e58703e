import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { afterEach, expect, it } from 'vitest'
import { SET_UP_CAP_MS, SET_UP_MS } from './settings.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { addressesOf, createTestNetwork, subscribersOf } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { PeerNode } from './gossip.ts'
import type { RelayNode } from './relay-node.ts'
import type { MessageStreamDirection, Stream } from '@libp2p/interface'

const IDENTIFY = '/ipfs/id/1.0.0'
const IDENTIFY_PUSH = '/ipfs/id/push/1.0.0'
const MESHSUB = '/meshsub/1.2.0'

const network = createTestNetwork()
afterEach(() => network.stop())

/** A relay and a client, and nothing but the fake clock that would bring back what they lack. */
async function start(toRelay: (relay: RelayNode) => void = () => undefined) {
  const relay = await network.relay()
  relay.use(IDENTIFY_PUSH, refuse)
  toRelay(relay)
  const clock = createFakeClock()
  const client = await network.client(addressesOf(relay), { clock })
  return { relay, client, clock }
}

function refuse(): never {
  throw new Error('not now')
}

function isWhole(relay: RelayNode, client: PeerNode): boolean {
  return hearEachOther(relay, client) && client.getMultiaddrs().some((address) => address.toString().includes('/p2p-circuit'))
}

function hearEachOther(relay: RelayNode, client: PeerNode): boolean {
  const subscribed = [relay, client].every((node) => subscribersOf(node, DISCOVERY_TOPIC).size === 1)
  return subscribed && gossipStreams(client, 'outbound').length === 1 && gossipStreams(client, 'inbound').length === 1
}

function streamsOf(node: PeerNode): Stream[] {
  return node.getConnections().flatMap(({ streams }) => streams)
}

/** Those over which more can come. */
function gossipStreams(node: PeerNode, way: MessageStreamDirection): Stream[] {
  const writing = way === 'outbound' ? 'writeStatus' : 'remoteWriteStatus'
  return streamsOf(node).filter((stream) => stream.protocol === MESHSUB && stream.direction === way && stream[writing] === 'writable')
}

it.each([
  { lacking: 'the relay identified', protocol: IDENTIFY },
  { lacking: 'an address', protocol: RELAY_V2_HOP_CODEC }
])('$lacking: comes with the first look at the connection', async ({ protocol }) => {
  let tried = false
  const { relay, client, clock } = await start((node) => {
    node.use(protocol, () => {
      tried = true
      refuse()
    })
  })
  await until(() => tried, 'libp2p has tried')
  // '' while it is being negotiated
  await until(() => streamsOf(client).every((stream) => !['', protocol].includes(stream.protocol)), 'it has given up')
  relay.unuse(protocol)
  const connections = client.getConnections().map(({ id }) => id)
  clock.advance(SET_UP_MS)
  await until(() => isWhole(relay, client), 'everything is there')
  expect(client.getConnections().map(({ id }) => id)).toEqual(connections)
})

it.each([
  { side: 'relay', how: 'closes' },
  { side: 'relay', how: 'resets' },
  { side: 'client', how: 'resets' }
])('gossip comes back after the $side $how its stream', async ({ side, how }) => {
  const { relay, client, clock } = await start()
  await until(() => isWhole(relay, client), 'everything is there')
  const [stream] = gossipStreams(side === 'relay' ? relay : client, 'outbound')
  if (how === 'closes') await stream?.close()
  else stream?.abort(new Error('lost'))
  await until(() => !isWhole(relay, client), 'gossip is lost')
  clock.advance(SET_UP_MS)
  await until(() => isWhole(relay, client), 'everything is there')
})

it('looks less and less often at what does not come, and at nothing once the connection is closed', async () => {
  const { relay, client, clock } = await start((node) => {
    node.use(RELAY_V2_HOP_CODEC, refuse)
  })
  await until(() => hearEachOther(relay, client), 'gossip')
  const pauses = Array.from({ length: 6 }, () => {
    clock.advance(clock.pending()[0] ?? 0)
    return clock.pending()[0]
  })
  const [first, second, third, ...later] = pauses
  expect([first, second, third]).toEqual([2, 4, 8].map((times) => times * SET_UP_MS))
  expect(later).toEqual(Array(3).fill(SET_UP_CAP_MS))
  await client.stop()
  expect(clock.pending()).toEqual([])
})

it('leaves a connection alone that lacks nothing', async () => {
  const { relay, client, clock } = await start()
  await until(() => isWhole(relay, client), 'everything is there')
  clock.advance(SET_UP_MS)
  expect(clock.pending()[0]).toBe(SET_UP_MS)
})
