import { GOSSIP_MAX_BYTES, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { gossipsub } from '@libp2p/gossipsub'
import { afterEach, describe, expect, it } from 'vitest'
import { createClientNode } from './client-node.ts'
import { atMost, followTopic, publishTo, subscribersOf, type PeerNode } from './gossip.ts'
import { dialPeers } from './peer-dialer.ts'
import { pathOf } from './peer-path.ts'
import { addressesOf, createTestNetwork, watchMesh } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function listen(node: PeerNode): Set<string> {
  const heard = new Set<string>()
  followTopic(node, LEDGER_TOPIC, (data) => {
    heard.add(new TextDecoder().decode(data.subarray(0, 32)))
    return 'accept'
  })
  return heard
}

describe('gossip', () => {
  it('opens on the direct connection, not on the circuit, and goes on when the relay is gone', async () => {
    const relay = await network.relay()
    const [one, two] = [
      await network.client(addressesOf(relay), { webRtc: true }),
      await network.client(addressesOf(relay), { webRtc: true })
    ]
    const circuit = (): string | undefined => addressesOf(two).find((address) => /p2p-circuit\/p2p\/\w+$/.test(address))
    await until(() => circuit() !== undefined, 'two has an address')
    await one.dial(two.getMultiaddrs().filter((address) => pathOf(address) === 'circuit'))
    for (const client of [one, two]) network.after(dialPeers(client))
    const heard = listen(two)
    followTopic(one, LEDGER_TOPIC, atMost(100))
    await until(() => subscribersOf(one, LEDGER_TOPIC).has(two.peerId.toString()), 'one knows that two subscribes')

    const gossipPaths = one
      .getConnections(two.peerId)
      .filter(({ streams }) => streams.some(({ protocol }) => protocol.startsWith('/meshsub/')))
      .map(({ remoteAddr }) => pathOf(remoteAddr))
    expect(gossipPaths).toEqual(['webrtc'])
    await relay.stop()
    await until(() => one.getConnections(relay.peerId).length === 0, 'the relay is gone')
    await until(async () => {
      await publishTo(one, LEDGER_TOPIC, bytes(`without the relay`))
      return heard.has('without the relay')
    }, 'two has heard one')
  }, 40_000)

  it('passes on nothing larger than allowed, and hears its sender no more after three of them', async () => {
    const relay = await network.relay()
    const mesh = watchMesh(relay, LEDGER_TOPIC)
    const [one, two, three] = [
      await network.client(addressesOf(relay)),
      await network.client(addressesOf(relay)),
      await network.client(addressesOf(relay))
    ]
    const heard = listen(three)
    for (const client of [one, two]) followTopic(client, LEDGER_TOPIC, atMost(GOSSIP_MAX_BYTES))
    await until(
      () => mesh.size === 3 && [one, two].every((client) => subscribersOf(client, LEDGER_TOPIC).size === 1),
      'all are in the mesh'
    )
    await publishTo(one, LEDGER_TOPIC, bytes('largest'.padEnd(GOSSIP_MAX_BYTES)))
    await until(() => heard.size === 1, 'the largest that is allowed arrived')
    for (const n of [1, 2, 3]) await publishTo(one, LEDGER_TOPIC, bytes(`too large ${n}`.padEnd(GOSSIP_MAX_BYTES + 1)))
    await until(() => !mesh.has(one.peerId.toString()), 'the sender is out of the mesh')
    await publishTo(one, LEDGER_TOPIC, bytes('from the offender'))
    await publishTo(two, LEDGER_TOPIC, bytes('from another'))
    await until(() => heard.has('from another'.padEnd(12)), 'the other is heard')
    expect([...heard].map((text) => text.trim())).toEqual(['largest', 'from another'])
  })

  it('can be published before anybody is there, which libp2p takes for an error', async () => {
    const alone = await network.client([])
    expect((await publishTo(alone, LEDGER_TOPIC, bytes('hello'))).size).toBe(0)
    await expect(alone.services.pubsub.publish(LEDGER_TOPIC, bytes('hello'))).resolves.toEqual({ recipients: [] })
    const { createLibp2p } = await import('libp2p')
    const { identify } = await import('@libp2p/identify')
    const other = await createLibp2p({ services: { identify: identify(), pubsub: gossipsub() } })
    network.after(() => other.stop())
    await expect(other.services.pubsub.publish(LEDGER_TOPIC, bytes('hello'))).rejects.toThrow(/NoPeersSubscribedToTopic/)
  })
})

describe('a PeerId', () => {
  it('is new for each node, because two nodes of one key lose gossip', async () => {
    const nodes = await Promise.all([1, 2, 3].map(async () => (await createClientNode({ relays: [], webRtc: false })).node))
    for (const node of nodes) network.after(() => node.stop())
    expect(new Set(nodes.map(({ peerId }) => peerId.toString())).size).toBe(3)
  })
})
