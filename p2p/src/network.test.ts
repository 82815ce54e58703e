import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { DISCOVERY_TOPIC, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { handleChannel, openChannel } from './channels.ts'
import { atMost, followTopic, subscribersOf, type PeerNode } from './gossip.ts'
import { DISCOVERY_MAX_BYTES } from './settings.ts'
import { addressesOf, createTestNetwork, watchMesh } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const PROTOCOL = '/peercompute/test-echo/1'

async function answerEcho(node: PeerNode): Promise<void> {
  await handleChannel(node, PROTOCOL, { limit: 1_000, maxInboundStreams: 4 }, async (channel) => {
    for await (const frame of channel.frames) await channel.send({ echo: frame.message }, frame.attachment)
  })
}

async function ask(node: PeerNode, peer: string, message: object): Promise<unknown> {
  const channel = await openChannel(node, peer, PROTOCOL, { limit: 1_000, signal: AbortSignal.timeout(10_000) })
  await channel.send(message)
  for await (const frame of channel.frames) {
    await channel.close()
    return frame.message
  }
  return undefined
}

function circuitOf(node: PeerNode): string | undefined {
  return addressesOf(node).find((address) => address.endsWith(`/p2p-circuit/p2p/${node.peerId.toString()}`))
}

/** Key first, then nothing of sense up to the size. */
function announcementOf({ peerId }: PeerNode, size: number): Uint8Array {
  if (peerId.publicKey === undefined) throw new Error('no key')
  const key = publicKeyToProtobuf(peerId.publicKey)
  const bytes = new Uint8Array(size)
  bytes.set([0x0a, key.length, ...key])
  return bytes
}

describe('relay and clients', () => {
  it('lets a third client reach the first over a circuit, which is marked as limited', async () => {
    const relay = await network.relay()
    const [first, , third] = await Promise.all([1, 2, 3].map(() => network.client(addressesOf(relay))))
    if (first === undefined || third === undefined) throw new Error('no clients')
    await answerEcho(first)
    await until(() => circuitOf(first) !== undefined, 'the first client has an address')

    const connection = await third.dial(multiaddr(circuitOf(first) ?? ''))

    expect(connection.limits?.seconds).toBeGreaterThan(1_000)
    expect(connection.limits?.bytes).toBeGreaterThan(60_000_000n)
    expect(await ask(third, first.peerId.toString(), { hello: 3 })).toEqual({ echo: { hello: 3 } })
    expect(await ask(third, first.peerId.toString(), { again: 4 })).toEqual({ echo: { again: 4 } })
  })

  it('lets clients discover each other through the relay, with an address that can be dialled', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    await answerEcho(two)
    const found = new Map<string, string[]>()
    one.addEventListener('peer:discovery', ({ detail }) => found.set(detail.id.toString(), detail.multiaddrs.map(String)))
    await until(() => found.has(two.peerId.toString()), 'one has found two')
    expect(await ask(one, two.peerId.toString(), { found: true })).toEqual({ echo: { found: true } })
  })

  it('passes announcements on, but none that is too large, and none that names another peer', async () => {
    const relay = await network.relay()
    const mesh = watchMesh(relay, DISCOVERY_TOPIC)
    const [one, two] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    const sizes: number[] = []
    followTopic(two, DISCOVERY_TOPIC, (data, _source, author) => {
      if (author === one.peerId.toString() && data.length > 2_000) sizes.push(data.length)
      return 'accept'
    })
    await until(() => mesh.size === 2 && subscribersOf(one, DISCOVERY_TOPIC).size === 1, 'the relay holds both in its mesh')
    await one.services.pubsub.publish(DISCOVERY_TOPIC, announcementOf(one, DISCOVERY_MAX_BYTES + 1))
    await one.services.pubsub.publish(DISCOVERY_TOPIC, announcementOf(two, DISCOVERY_MAX_BYTES - 1))
    await one.services.pubsub.publish(DISCOVERY_TOPIC, announcementOf(one, DISCOVERY_MAX_BYTES))
    await until(() => sizes.includes(DISCOVERY_MAX_BYTES), 'the largest that is allowed arrived')
    expect(sizes).toEqual([DISCOVERY_MAX_BYTES])
  })

  it('upgrades two Node clients to a direct WebRTC connection that outlives the relay', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([
      network.client(addressesOf(relay), { webRtc: true }),
      network.client(addressesOf(relay), { webRtc: true })
    ])
    await answerEcho(two)
    const webRtcOf = (): string | undefined => addressesOf(two).find((address) => address.includes('/webrtc/'))
    await until(() => webRtcOf() !== undefined, 'two offers WebRTC')
    const connection = await one.dial(multiaddr(webRtcOf() ?? ''))
    expect(connection.limits).toBeUndefined()
    await relay.stop()
    expect(await ask(one, two.peerId.toString(), { direct: true })).toEqual({ echo: { direct: true } })
  })

  it('dials no peer under a private address when its relay is public', async () => {
    const client = await network.client([], { relays: ['/dns4/lab.example/tcp/443/tls/ws'] })
    const target = await network.relay()
    await expect(client.dial(multiaddr(addressesOf(target)[0] ?? ''))).rejects.toThrow(/gater denied/)
  })
})

describe('the libp2p line', () => {
  it('delivers a gossip message between two clients through the relay (canary)', async () => {
    const relay = await network.relay()
    const mesh = watchMesh(relay, LEDGER_TOPIC)
    const [one, two] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    followTopic(one, LEDGER_TOPIC, atMost(100))
    const heard: string[] = []
    followTopic(two, LEDGER_TOPIC, (data) => {
      heard.push(new TextDecoder().decode(data))
      return 'accept'
    })
    await until(() => mesh.size === 2 && subscribersOf(one, LEDGER_TOPIC).size === 1, 'the relay holds both in its mesh')
    await one.services.pubsub.publish(LEDGER_TOPIC, new TextEncoder().encode('alive'))
    await until(() => heard.length > 0, 'the message arrived')
    expect(heard).toEqual(['alive'])
  })

  it('is one line: every package that is not for development only shares one @libp2p/interface of version 3', () => {
    const lock: unknown = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'))
    const packages =
      typeof lock === 'object' && lock !== null && 'packages' in lock && typeof lock.packages === 'object'
        ? Object.entries(lock.packages ?? {})
        : []
    const versions = packages
      .map(([path, entry]: [string, { version: string; dev?: true }]) => ({ path, ...entry }))
      .filter(({ path, dev }) => path.endsWith('node_modules/@libp2p/interface') && dev !== true)
      .map(({ path, version }) => [path, version])
    expect(versions).toEqual([['node_modules/@libp2p/interface', expect.stringMatching(/^3\./)]])
    const installed: unknown = createRequire(import.meta.url)('../../node_modules/@libp2p/interface/package.json')
    expect(installed).toMatchObject({ version: versions[0]?.[1] })
  })
})
