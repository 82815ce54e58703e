import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { followTopic, type PeerNode } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { addressesOf, createTestNetwork, subscribersOf, watchMesh } from '@peercompute/p2p/testing/network'
import { afterEach, describe, expect, it } from 'vitest'

const network = createTestNetwork()
afterEach(() => network.stop())

describe('a relay', () => {
  it('gives all of 20 clients that come at once from one address a reservation, a subscription and every message', async () => {
    const relay = await network.relay()
    const mesh = watchMesh(relay, LEDGER_TOPIC)
    const clients = await Promise.all(Array.from({ length: 20 }, () => network.client(addressesOf(relay))))
    const heard = new Map<PeerNode, Set<string>>()
    for (const client of clients) {
      const messages = new Set<string>()
      heard.set(client, messages)
      followTopic(client, LEDGER_TOPIC, (data) => {
        messages.add(new TextDecoder().decode(data))
        return 'accept'
      })
    }
    await until(() => relay.services.circuitRelay.reservations.size === 20, '20 reservations', 30_000)
    await until(() => mesh.size === 20, '20 in the mesh of the relay', 30_000)
    await until(
      () => clients.every((client) => subscribersOf(client, LEDGER_TOPIC).size > 0),
      'every client knows that the relay subscribes',
      30_000
    )

    for (const [index, client] of clients.entries())
      await client.services.pubsub.publish(LEDGER_TOPIC, new TextEncoder().encode(`${index}`))

    await until(() => [...heard.values()].every((messages) => messages.size === 19), 'each of 20 heard the 19 others', 30_000)
  }, 120_000)

  it('answers the first dial of each of 20 clients that come at once from one address', async () => {
    const relay = await network.relay()
    const clients = await Promise.all(Array.from({ length: 20 }, () => network.client([], { relays: addressesOf(relay) })))
    const dials = await Promise.allSettled(clients.map((client) => client.dial(relay.getMultiaddrs())))
    expect(dials.filter(({ status }) => status === 'rejected')).toEqual([])
  }, 60_000)
})
