import { certifyCoordinator, coordinatorInfoSchema, generateKeyPair, rootIdSchema, type CoordinatorInfo } from '@peercompute/job-specs'
import { explainNetwork } from '@peercompute/p2p'
import { createFakeClock, until } from '@peercompute/p2p/testing'
import { addressesOf, createTestNetwork } from '@peercompute/p2p/testing/network'
import { createIdentity, createMemoryPinStore, createNetworkManager, type NetworkManager } from '@peercompute/worker-client'
import { startLibp2pNetwork } from '@peercompute/worker-client/node'
import { afterEach, expect, it } from 'vitest'

const COORDINATOR = 'http://127.0.0.1:9'

const network = createTestNetwork()
afterEach(() => network.stop())

/** What the coordinator said when it was there: itself as the first relay, and another one. */
async function infoNaming(relay: string): Promise<CoordinatorInfo> {
  const [root, operational] = await Promise.all([generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
  const gone = '12D3KooWQjXJfBhcEmR1NR1vCpRnTLrk6Xw9XyMQ8T1vVfMM6Uy2'
  return coordinatorInfoSchema.parse({
    version: 'test',
    certificate: await certifyCoordinator(root, operational.publicKey, 1, 1),
    root: root.publicKey,
    peerId: gone,
    addresses: [`/ip4/127.0.0.1/tcp/9/ws/p2p/${gone}`],
    relays: [relay],
    protocols: [],
    tokenRequired: false,
    hosts: 0,
    jobs: 0,
    validatedUnits: 0
  })
}

async function volunteer(info: CoordinatorInfo): Promise<NetworkManager> {
  const pins = createMemoryPinStore()
  await pins.set(COORDINATOR, rootIdSchema.parse(info.root))
  await pins.setLastInfo(COORDINATOR, info)
  const manager = createNetworkManager({
    coordinator: COORDINATOR,
    pins,
    identity: await createIdentity({ label: '', now: 1, extractableHost: true }),
    host: { agent: 'peercompute/test', memoryBytes: 0, executors: [] },
    clock: createFakeClock(),
    random: () => 0.5,
    fetch: () => Promise.reject(new TypeError('Failed to fetch')),
    startPeers: startLibp2pNetwork
  })
  network.after(() => manager.stop())
  manager.start()
  return manager
}

it('volunteers whose coordinator is away meet through another relay, connect directly, and say what is the matter', async () => {
  const relay = await network.relay()
  const info = await infoNaming(addressesOf(relay)[0] ?? '')
  const [one, two] = [await volunteer(info), await volunteer(info)]
  const direct = (manager: NetworkManager): boolean =>
    manager
      .peerNetwork()
      ?.report()
      .peers.some(({ paths }) => paths.includes('webrtc')) === true
  await until(() => direct(one) && direct(two), 'they are connected directly', 30_000)

  expect(one.state).toMatchObject({ infoFrom: 'memory', transport: null, error: { code: 'COORDINATOR_UNREACHABLE' } })
  expect(one.state.peers).toContain(two.peerNetwork()?.report().peer)
  const report = one.peerNetwork()?.report()
  expect(report?.relays.map(({ state, reserved }) => [state.kind === 'connected', reserved])).toEqual([
    [false, false],
    [true, true]
  ])
  const sentences = report === undefined ? [] : explainNetwork(report).map(({ level, sentence }) => `${level}: ${sentence}`)
  expect(sentences).toContainEqual(expect.stringMatching(/^ok: Connected to 1 relay/))
  expect(sentences).toContainEqual('ok: 1 peer connected directly.')
  expect(sentences).toContainEqual(expect.stringMatching(/^note: The relay 127\.0\.0\.1:9 is (not connected|being dialled)/))

  const heard: string[] = []
  network.after(two.peerNetwork()?.trials.onMessage(({ text }) => heard.push(text)) ?? (() => undefined))
  await until(async () => {
    await one.peerNetwork()?.trials.publish('hello')
    return heard.length > 0
  }, 'a test message arrived')
}, 60_000)
