import { afterEach, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'
import { testSeed } from '../harness/seeded-random.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
afterEach(() => lab.end())

it('the ledger converges over a line of 200 ms round trip that loses 2 % of the packets', async () => {
  const { relay, line } = await lab.relayBehind(testSeed('lossy line'), { delayMs: 100, jitterMs: 20, loss: 0.02, bytesPerSecond: 250_000 })
  const peers = await Promise.all(Array.from({ length: 3 }, () => lab.peer({ relays: [relay.address], webRtc: false })))
  await Promise.all(peers.map((peer) => reaches(peer, relay)))
  for (let round = 0; round < 5; round += 1) await Promise.all(peers.map((peer) => peer.call('append', 100)))
  const held = await converged('one ledger', peers, 3 * 501, 90_000)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(3).fill({ delivered: 1_503, offences: 0 }))
  expect(line.losses()).toBeGreaterThan(10)
})

it('connections that break every few seconds lose nothing and deliver nothing twice', async () => {
  const seed = testSeed('resets')
  const { relay, line } = await lab.relayBehind(seed, { delayMs: 10, meanLifeMs: 3_000 })
  const peers = await Promise.all(Array.from({ length: 3 }, () => lab.peer({ relays: [relay.address], webRtc: false })))
  await until(
    '20 connections have broken',
    async () => {
      await Promise.all(peers.map((peer) => peer.call('append', 10)))
      return line.resets() >= 20
    },
    90_000
  )
  // the line is good again, without anybody being told
  line.become({ delayMs: 10 })
  const own = await Promise.all(peers.map((peer) => peer.call('ownRecords')))
  const total = own.reduce((sum, count) => sum + count, 0)
  const held = await converged('one ledger', peers, total, 90_000)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(3).fill({ delivered: total, offences: 0 }))
})
