/**
 * WebRTC over TURN alone, through a real coturn, on a line that loses 5 % of the datagrams and delays and reorders the others. Between
 * browsers: in Node, the library only keeps quiet about its own addresses, and on one machine ICE finds the short way all the same.
 */
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../harness/browser.ts'
import { converged, createLab, meshed } from '../harness/lab.ts'
import { servePeerPages, type PeerPages } from '../harness/peer-page.ts'
import { startLossyUdp, type LossyUdp } from '../harness/lossy-udp.ts'
import { testSeed } from '../harness/seeded-random.ts'
import { startTurnServer, turnserverPath, type TurnServer } from '../harness/turn-server.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
let browser: Browser
let pages: PeerPages

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launchChromium(), servePeerPages()])
})
afterAll(async () => {
  await browser.close()
  await pages.close()
})
afterEach(() => lab.end())

const program = turnserverPath()

async function badLine(turn: TurnServer, purpose: string): Promise<LossyUdp & { readonly iceServers: readonly RTCIceServer[] }> {
  // each way crosses it twice: 50 ms here are 100 ms between the peers, and as many losses again
  const line = await startLossyUdp(turn.port, testSeed(purpose), { loss: 0.05, delayMs: 40, jitterMs: 20 })
  lab.after(() => line.close())
  return { ...line, iceServers: turn.iceServers(line.port) }
}

describe.skipIf(program === null)('TURN only, 5 % loss, 100 ms', () => {
  it('carries the ledger between two peers when their relay has died', async () => {
    const turn = await startTurnServer(program ?? '')
    lab.after(() => turn.stop())
    const line = await badLine(turn, 'TURN')
    const relay = await lab.relay()
    const options = { relays: [relay.address], iceServers: line.iceServers, iceTransportPolicy: 'relay' as const }
    const peers = await Promise.all([pages.open(browser, options), pages.open(browser, options)])
    await meshed(peers)
    expect(turn.allocations()).toBeGreaterThanOrEqual(2)

    await relay.kill()
    await until('only WebRTC is left', async () =>
      (await Promise.all(peers.map((peer) => peer.call('connections')))).flat().every(({ path }) => path === 'webrtc')
    )
    for (const peer of peers) await peer.call('append', 200)
    const held = await converged('one ledger', peers, 402)
    expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(2).fill({ delivered: 402, offences: 0 }))
    process.stdout.write(`datagrams: ${line.forwarded()} forwarded, ${line.lost()} lost, ${line.reordered()} reordered\n`)
    // without TURN, it would not be there at all
    expect(line.forwarded()).toBeGreaterThan(300)
    expect(line.lost()).toBeGreaterThan(0)
    expect(line.reordered()).toBeGreaterThan(0)
  })

  it('connects nobody directly whose password is wrong', async () => {
    const turn = await startTurnServer(program ?? '')
    lab.after(() => turn.stop())
    const relay = await lab.relay()
    const iceServers = turn.iceServers(turn.port).map((server) => ({ ...server, credential: 'wrong' }))
    const options = { relays: [relay.address], dialPeers: false, iceServers, iceTransportPolicy: 'relay' as const }
    const [one, two] = await Promise.all([pages.open(browser, options), pages.open(browser, options)])
    await until('an address', async () => (await two.call('addresses')).some((address) => address.includes('/webrtc')))
    await until('the relay', async () => (await one.call('connections')).length > 0)
    await expect(one.call('dial', two.id, 'webrtc', 6_000)).rejects.toThrow()
    expect((await one.call('connections')).filter(({ path }) => path === 'webrtc')).toEqual([])
    expect(turn.allocations()).toBe(0)
    await turn.process.line(/check_stun_auth: .*(Cannot|integrity|Wrong|incorrect|401)|ALLOCATE processed, error 401/i)
  })
})
