/** Thirty clients of one address, as behind a proxy or on a campus. What libp2p's defaults do to them: p2p/src/defaults.test.ts */
import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { followTopic, type PeerNode } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { addressesOf, createTestNetwork, subscribersOf, watchMesh } from '@peercompute/p2p/testing/network'
import { afterEach, describe, expect, it } from 'vitest'

const CLIENTS = 30

const network = createTestNetwork()
afterEach(() => network.stop())

const everybody = (relay: PeerNode): Promise<PeerNode[]> =>
  Promise.all(Array.from({ length: CLIENTS }, () => network.client(addressesOf(relay))))

/** What each client has heard on the ledger's topic. */
function listen(clients: readonly PeerNode[]): Map<PeerNode, Set<string>> {
  const heard = new Map<PeerNode, Set<string>>()
  for (const client of clients) {
    const messages = new Set<string>()
    heard.set(client, messages)
    followTopic(client, LEDGER_TOPIC, (data) => {
      messages.add(new TextDecoder().decode(data))
      return 'accept'
    })
  }
  return heard
}

describe('a relay', () => {
  it('gives each of 30 clients that come at once from one address a reservation, a subscription and every message', async () => {
    const relay = await network.relay()
    const mesh = watchMesh(relay, LEDGER_TOPIC)
    const clients = await everybody(relay)
    const heard = listen(clients)
    await until(() => relay.services.circuitRelay.reservations.size === CLIENTS, 'all are reserved', 30_000)
    await until(() => mesh.size === CLIENTS, 'all are in the mesh of the relay', 30_000)
    await until(() => clients.every((client) => subscribersOf(client, LEDGER_TOPIC).size > 0), 'all know that the relay subscribes', 30_000)

    for (const [index, client] of clients.entries())
      await client.services.pubsub.publish(LEDGER_TOPIC, new TextEncoder().encode(`${index}`))

    await until(() => [...heard.values()].every((messages) => messages.size === CLIENTS - 1), 'each heard all the others', 30_000)
  }, 120_000)

  it('answers the first dial of each of 30 clients that come at once from one address', async () => {
    const relay = await network.relay()
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => network.client([], { relays: addressesOf(relay) })))
    const dials = await Promise.allSettled(clients.map((client) => client.dial(relay.getMultiaddrs())))
    expect(dials.filter(({ status }) => status === 'rejected')).toEqual([])
  }, 60_000)
})
