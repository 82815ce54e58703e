import { afterEach, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'
import { lasting } from '../harness/lasting.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
afterEach(() => lab.end())

it('everything written while the relay is dead is delivered once when it is back with its key', async () => {
  const relay = await lab.relay()
  const peers = await Promise.all(Array.from({ length: 4 }, () => lab.peer({ relays: [relay.address], webRtc: false })))
  await Promise.all(peers.map((peer) => reaches(peer, relay)))
  // in the middle of it, not between two things
  const writing = peers.map((peer) => peer.call('append', 50))
  await relay.kill()
  await Promise.all(writing)
  await until('all have noticed', async () => (await Promise.all(peers.map((peer) => peer.call('connections')))).flat().length === 0)
  await Promise.all(peers.map((peer) => peer.call('append', 50)))
  await lasting(3_000)

  await relay.restart()
  const back = performance.now()
  await Promise.all(peers.map((peer) => reaches(peer, relay)))
  process.stdout.write(`relay away for 3 s: all of 4 are back ${Math.round(performance.now() - back)} ms after it\n`)
  const held = await converged('one ledger', peers, 4 * 101)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(4).fill({ delivered: 404, offences: 0 }))
  // they have addresses again, and find each other
  await until('reservations', async () =>
    (await Promise.all(peers.map((peer) => peer.call('addresses')))).every((all) => all.some((one) => one.includes('/p2p-circuit')))
  )
})
