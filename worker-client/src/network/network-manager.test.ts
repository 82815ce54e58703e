import { PeerComputeError, type RootId } from '@peercompute/job-specs'
import { createClientNode, createNetworkObserver, superviseRelays, type PeerNode } from '@peercompute/p2p'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '@peercompute/p2p/time'
import type { Identity } from '../identity/identity.ts'
import { startHttpCoordinator, type HttpCoordinator } from '../test-support/http-coordinator.ts'
import { createTestCoordinator, type TestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import type { WorkSession } from '../work/work-session.ts'
import { POLL_MS } from '../work/http-work-channel.ts'
import { createNetworkManager, type NetworkManager, type NetworkManagerInit } from './network-manager.ts'
import type { PeerNetwork } from './peer-network.ts'
import { createMemoryPinStore, type PinStore } from './pin-store.ts'

let coordinator: TestCoordinator
let http: HttpCoordinator
let identity: Identity
let clock: FakeClock
let pins: PinStore
let network: NetworkManager
let sessions: (WorkSession | null)[]

let node: PeerNode

beforeAll(async () => {
  node = (await createClientNode({ relays: [], webRtc: false })).node
})
afterAll(() => node.stop())
beforeEach(async () => {
  coordinator = await createTestCoordinator()
  http = await startHttpCoordinator(coordinator)
  identity = await testIdentity()
  clock = createFakeClock()
  pins = createMemoryPinStore()
  sessions = []
})
afterEach(async () => {
  await network.stop()
  await http[Symbol.asyncDispose]()
})

function start(changes: Partial<NetworkManagerInit> = {}): void {
  network = createNetworkManager({
    coordinator: http.url,
    pins,
    identity,
    host: TEST_HOST,
    clock,
    random: () => 0.5,
    fetch: globalThis.fetch,
    ...changes
  })
  network.onSession((session) => {
    sessions.push(session)
  })
  network.start()
}

/** A peer-to-peer network whose relay the test switches on and off. */
function peerNetwork(): PeerNetwork & { up: boolean; stopped: boolean } {
  const observer = createNetworkObserver({ node, relays: superviseRelays(node, []), discovery: null, webRtc: false, iceServers: 0 })
  const peers = {
    node,
    report: observer.report,
    onReport: observer.onReport,
    trials: { announce: () => undefined, publish: () => Promise.resolve(0), onMessage: () => () => undefined, cut: () => undefined },
    up: true,
    stopped: false,
    openWorkChannel: () =>
      peers.up ? Promise.resolve(coordinator.connect()) : Promise.reject(new PeerComputeError('PEER_UNREACHABLE', 'Refused')),
    bytes: 0,
    peers: () => [],
    onPeers: () => () => undefined,
    retryNow: () => undefined,
    share: () => Promise.resolve(),
    stop: async () => {
      observer.stop()
      peers.stopped = true
    }
  }
  return peers
}

const connected = () => network.state.connection === 'connected'
/** Lets time pass while the manager waits, and only then: the answers of a real server take none of this time. */
const reconnected = () =>
  until(() => {
    if (network.state.connection === 'offline') clock.advance(500)
    return connected()
  })
const withAddress = () => {
  http.info = { addresses: ['/ip4/127.0.0.1/tcp/1/ws'], peerId: 'relay' }
}

describe('NetworkManager', () => {
  it('opens a session over HTTP when there is no peer-to-peer network, and pins the root that it met', async () => {
    start()
    await until(connected)
    expect(network.state).toMatchObject({ transport: 'http', root: coordinator.root, error: null })
    expect(await pins.get(http.url)).toBe(coordinator.root)
    expect((await sessions[0]?.ask({ executor: 'js', units: 1, seconds: 1, knownJobs: [] }))?.leases).toEqual([])
  })

  it('prefers libp2p', async () => {
    withAddress()
    start({ startPeers: () => Promise.resolve(peerNetwork()) })
    await until(connected)
    expect(network.state.transport).toBe('libp2p')
    expect(http.requests).toEqual([])
  })

  it('falls back to HTTP when the relay refuses, and goes over to libp2p when that works again', async () => {
    withAddress()
    const peers = peerNetwork()
    peers.up = false
    start({ startPeers: () => Promise.resolve(peers) })
    await until(connected)
    expect(network.state.transport).toBe('http')
    peers.up = true
    // Beside it, when the coordinator is asked what it has to say.
    await until(() => clock.pending().some((ms) => ms > POLL_MS))
    clock.advance(60_000)
    await until(() => network.state.transport === 'libp2p')
    expect(sessions.map((session) => session !== null)).toEqual([true, false, true])
  })

  it('falls back to HTTP when libp2p hangs', async () => {
    withAddress()
    start({ startPeers: () => new Promise(() => undefined) })
    await until(() => clock.pending().length > 0 && network.state.info !== null)
    clock.advance(10_000)
    await until(connected)
    expect(network.state.transport).toBe('http')
  })

  it('refuses a coordinator other than the pinned one, says so, and tries again later', async () => {
    await pins.set(http.url, 'A'.repeat(43) as RootId)
    start()
    await until(() => network.state.connection === 'offline' && network.state.error !== null)
    expect(network.state.error?.code).toBe('COORDINATOR_UNTRUSTED')
    expect(sessions).toEqual([])
    await pins.set(http.url, coordinator.root)
    await reconnected()
  })

  it('believes a given root more than a pin', async () => {
    await pins.set(http.url, 'A'.repeat(43) as RootId)
    start({ root: coordinator.root })
    await until(connected)
  })

  it('reconnects after every loss, for ever, and no later than the cap', async () => {
    withAddress()
    start({ startPeers: () => Promise.resolve(peerNetwork()) })
    for (let loss = 0; loss < 5; loss++) {
      await until(connected)
      coordinator.connections.at(-1)?.break()
      await until(() => !connected())
      await reconnected()
    }
    expect(sessions.filter((session) => session !== null)).toHaveLength(6)
  })

  it('waits longer after each failure, up to ten seconds, unless it is told to try now', async () => {
    const waits: number[] = []
    const address = http.url
    await http[Symbol.asyncDispose]()
    const measuring: Clock = {
      now: () => clock.now(),
      schedule: (delayMs, task) => {
        waits.push(delayMs)
        return clock.schedule(delayMs, task)
      }
    }
    start({ coordinator: address, clock: measuring })
    const pauses = () => waits.filter((ms) => ms !== 10_000)
    while (pauses().length < 9) {
      const before = pauses().length
      await until(() => pauses().length > before)
      clock.advance(60_000)
    }
    expect(pauses().slice(0, 9)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000])
    expect(network.state.error?.code).toBe('COORDINATOR_UNREACHABLE')
    const before = pauses().length
    await until(() => network.state.connection === 'offline')
    network.retryNow()
    await until(() => pauses().length > before)
  })

  it.each([
    ['a page of HTML', '<html></html>'],
    ['an endless answer', 'x'.repeat(100_000)],
    ['an answer of another form', '{"version":1}']
  ])('takes %s for no coordinator', async (_name, body) => {
    http.override = (_request, response) => {
      response.writeHead(200).end(body)
      return true
    }
    start()
    await until(() => network.state.error !== null)
    expect(network.state.error?.code).toBe('COORDINATOR_UNREACHABLE')
  })

  it('starts the peer-to-peer network from what a coordinator that is away said last, and keeps it when the coordinator is back', async () => {
    withAddress()
    start({ startPeers: () => Promise.resolve(peerNetwork()) })
    await until(connected)
    expect(network.state.infoFrom).toBe('coordinator')
    await network.stop()

    http.override = (_request, response) => {
      response.writeHead(503).end()
      return true
    }
    const started: string[] = []
    start({
      startPeers: (info) => {
        started.push(info.peerId)
        return Promise.resolve(peerNetwork())
      }
    })
    await until(() => network.state.connection === 'offline' && network.peerNetwork() !== null)
    expect(network.state).toMatchObject({ infoFrom: 'memory', root: coordinator.root, error: { code: 'COORDINATOR_UNREACHABLE' } })
    expect(network.state.info?.addresses).toEqual(['/ip4/127.0.0.1/tcp/1/ws'])

    http.override = null
    await reconnected()
    expect(network.state).toMatchObject({ infoFrom: 'coordinator', transport: 'libp2p' })
    expect(started).toEqual(['relay'])
  })

  it('starts no network from memory when another root is pinned since', async () => {
    withAddress()
    start({ startPeers: () => Promise.resolve(peerNetwork()) })
    await until(connected)
    await network.stop()
    await pins.set(http.url, 'A'.repeat(43) as RootId)
    start({ startPeers: () => Promise.reject(new Error('It must not start')) })
    await until(() => network.state.connection === 'offline' && network.state.error !== null)
    expect(network.state).toMatchObject({ info: null, infoFrom: null, error: { code: 'COORDINATOR_UNTRUSTED' } })
    expect(network.peerNetwork()).toBeNull()
  })

  it('closes the session and the peer-to-peer network when it is stopped', async () => {
    withAddress()
    const peers = peerNetwork()
    start({ startPeers: () => Promise.resolve(peers) })
    await until(connected)
    await network.stop()
    expect(network.state.connection).toBe('stopped')
    expect(peers.stopped).toBe(true)
    expect(coordinator.connections.every(({ closed }) => closed)).toBe(true)
    expect(sessions.at(-1)).toBeNull()
  })
})
