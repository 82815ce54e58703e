import { afterEach, expect, it } from 'vitest'
import { converged, createLab, meshed, reaches } from '../harness/lab.ts'
import { until } from '../harness/until.ts'

const TOPIC = 'peercompute/test'

const lab = createLab()
afterEach(() => lab.end())

it('peers with direct connections go on with ledger and gossip when the relay has died, and take it back when it returns', async () => {
  const relay = await lab.relay({ topics: [TOPIC] })
  const peers = await Promise.all(Array.from({ length: 3 }, () => lab.peer({ relays: [relay.address] })))
  const [first, second, third] = peers
  if (first === undefined || second === undefined || third === undefined) throw new Error('no peers')
  await meshed(peers)
  await first.call('append', 20)
  await converged('one ledger', peers, 21)

  await relay.kill()
  await until('the relay is missed', async () => {
    const connections = await Promise.all(peers.map((peer) => peer.call('connections')))
    return connections.flat().every(({ path }) => path === 'webrtc')
  })
  for (const peer of peers) await peer.call('append', 20)
  await converged('one ledger without a relay', peers, 21 + 20 + 2 * 21)

  for (const peer of peers) await peer.call('follow', TOPIC)
  await until('everybody knows that the others follow', async () =>
    (await Promise.all(peers.map((peer) => peer.call('subscribers', TOPIC)))).every((seen) => seen.length === 2)
  )
  for (const [index, peer] of peers.entries()) await peer.call('publish', TOPIC, `from ${index}`)
  await until('gossip over WebRTC alone', async () =>
    (await Promise.all(peers.map((peer) => peer.call('heard')))).every((all) => all.length === 2)
  )

  await relay.restart()
  await Promise.all(peers.map((peer) => reaches(peer, relay)))
  const late = await lab.peer({ relays: [relay.address] })
  const held = await converged('a newcomer learns what was written meanwhile', [...peers, late], 83)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(4).fill({ delivered: 83, offences: 0 }))
})
