import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { createClientNode, dialPeers, followTopic, groupRelays, superviseRelays } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { addressesOf, createTestNetwork } from '@peercompute/p2p/testing/network'
import { afterEach, expect, it } from 'vitest'

const network = createTestNetwork()
afterEach(() => network.stop())

async function volunteer(relays: readonly string[], webRtc: boolean) {
  const { node, discovery } = await createClientNode({ relays, webRtc })
  network.after(() => node.stop())
  const supervisor = superviseRelays(node, groupRelays(relays))
  network.after(() => {
    supervisor.stop()
  })
  network.after(dialPeers(node))
  const heard = new Set<string>()
  followTopic(node, LEDGER_TOPIC, (data) => {
    heard.add(new TextDecoder().decode(data))
    return 'accept'
  })
  const id = node.peerId.toString()
  return {
    node,
    id,
    heard,
    relays: () => supervisor.relays.map(({ state }) => state.kind),
    known: () => discovery?.known() ?? [],
    reservedAt: (relay: { peerId: { toString(): string } }) =>
      addressesOf(node).some((address) => address.includes(`/p2p/${relay.peerId.toString()}/p2p-circuit`))
  }
}

it.each([true, false])(
  'clients of two relays lose one, and newcomers still find and hear them through the other (WebRTC: %s)',
  async (webRtc) => {
    const [lost, kept] = [await network.relay(), await network.relay()]
    const relays = [...addressesOf(lost), ...addressesOf(kept)]
    const [one, two] = [await volunteer(relays, webRtc), await volunteer(relays, webRtc)]
    await until(() => [one, two].every((client) => client.reservedAt(lost) && client.reservedAt(kept)), 'both are reserved at both')
    await until(() => one.known().includes(two.id) && two.known().includes(one.id), 'they know each other')

    await lost.stop()
    await until(() => one.relays().join() === 'waiting,connected', 'the loss is noticed')
    const newcomer = await volunteer(relays, webRtc)
    await until(() => newcomer.relays()[1] === 'connected' && newcomer.reservedAt(kept), 'the newcomer is reachable')
    await until(() => [one, two].every(({ id }) => newcomer.known().includes(id)), 'the newcomer knows them')
    await until(() => [one, two].every((client) => client.known().includes(newcomer.id)), 'they know the newcomer')
    await until(async () => {
      await newcomer.node.services.pubsub.publish(LEDGER_TOPIC, new TextEncoder().encode(`news ${Math.random()}`))
      return one.heard.size > 0 && two.heard.size > 0
    }, 'they hear the newcomer')
    expect(newcomer.relays()).toEqual([expect.stringMatching(/waiting|connecting/), 'connected'])
  },
  60_000
)
