import { afterEach, expect, it, vi } from 'vitest'
import { FORGET_MS } from './settings.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { PeerNode } from './gossip.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

async function knownTo(node: PeerNode): Promise<readonly string[]> {
  return (await node.peerStore.all()).map(({ id }) => id.toString())
}

it('a relay forgets who is gone, and frees the address at once, but nothing of who stays', async () => {
  const clock = createFakeClock()
  const relay = await network.relay({ clock })
  const [stays, leaves] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
  const { reservations } = relay.services.circuitRelay
  await until(() => reservations.size === 2, 'both have an address')
  const spoken = (await relay.peerStore.get(stays.peerId)).protocols
  await leaves.stop()
  await until(() => !reservations.has(leaves.peerId), 'the address is free')
  expect(reservations.has(stays.peerId)).toBe(true)
  clock.advance(FORGET_MS - 1)
  expect(await knownTo(relay)).toContain(leaves.peerId.toString())
  clock.advance(1)
  await until(async () => (await knownTo(relay)).length === 1, 'one is forgotten')
  expect((await relay.peerStore.get(stays.peerId)).protocols).toEqual(spoken)
  expect(clock.pending()).toEqual([])
})

it('whoever comes back has an address again, which the end of the one before does not end', async () => {
  const relay = await network.relay()
  const client = await network.client(addressesOf(relay))
  const { reservations } = relay.services.circuitRelay
  await until(() => reservations.size === 1, 'an address')
  const first = reservations.get(client.peerId)
  if (first === undefined) throw new Error('no address')
  const callOff = vi.spyOn(first.signal, 'clear')
  await relay.hangUp(client.peerId)
  await until(() => ![undefined, first].includes(reservations.get(client.peerId)), 'another address')
  expect(callOff).toHaveBeenCalledOnce()
})

it('a client forgets of whom it only heard', async () => {
  const clock = createFakeClock()
  const relay = await network.relay()
  const [client, other] = await Promise.all([network.client(addressesOf(relay), { clock }), network.client(addressesOf(relay))])
  const peer = other.peerId.toString()
  await until(async () => (await knownTo(client)).includes(peer), 'it has heard of the other', 30_000)
  await other.stop()
  clock.advance(FORGET_MS)
  await until(async () => !(await knownTo(client)).includes(peer), 'it is forgotten')
  expect(await knownTo(client)).toEqual([relay.peerId.toString()])
})
