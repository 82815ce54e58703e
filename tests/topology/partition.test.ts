import { afterEach, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'
import { testSeed } from '../harness/seeded-random.ts'
import { startLossyTcp } from '../harness/lossy-tcp.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
afterEach(() => lab.end())

/** Two halves of two peers, each half behind a line of its own to one relay; the lines are cut and mended. */
it('two halves write on while they are apart, and are one ledger again afterwards', async () => {
  const seed = testSeed('partition')
  const relay = await lab.relay()
  const [west, east] = await Promise.all([startLossyTcp(() => relay.port, seed), startLossyTcp(() => relay.port, seed + 1)])
  lab.after(() => west.close())
  lab.after(() => east.close())
  const behind = (port: number): string => `/ip4/127.0.0.1/tcp/${port}/ws/p2p/${relay.peer}`
  const join = (port: number) => lab.peer({ relays: [behind(port)], webRtc: false })
  const [a, b, c, d] = await Promise.all([join(west.port), join(west.port), join(east.port), join(east.port)])
  const all = [a, b, c, d]
  await Promise.all(all.map((peer) => reaches(peer, relay)))
  await a.call('append', 10)
  await converged('one ledger', all, 11)

  east.stall()
  await Promise.all([a, b, c, d].map((peer) => peer.call('append', 25)))
  // c and d meet only through the relay, so each is alone with what it has written
  const west62 = 11 + 25 + 26
  await converged('the western half goes on', [a, b], west62)
  const apart = await Promise.all([c, d].map((peer) => peer.call('ledger')))
  expect(apart.map(({ records }) => records)).toEqual([11 + 26, 11 + 26])

  east.flow()
  // a line that was silent for long enough is cut as well: new connections carry on
  east.resetAll()
  await until('the eastern half is back', async () => east.connections() === 2)
  const held = await converged('one ledger again', all, 11 + 25 + 3 * 26)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(4).fill({ delivered: 114, offences: 0 }))
})
