import { afterEach, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'

const lab = createLab()
afterEach(() => lab.end())

it('brings the records of every peer to every other one, with the relay in the middle', async () => {
  const relay = await lab.relay()
  const peers = await Promise.all(Array.from({ length: 4 }, () => lab.peer({ relays: [relay.address], webRtc: false })))
  await Promise.all(peers.map((peer) => reaches(peer, relay)))
  for (const peer of peers) await peer.call('append', 20)
  const held = await converged('one ledger', peers, 4 * 21)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(4).fill({ delivered: 84, offences: 0 }))
  const connections = await Promise.all(peers.map((peer) => peer.call('connections')))
  expect(connections.flat().filter(({ path }) => path === 'webrtc')).toEqual([])
})
