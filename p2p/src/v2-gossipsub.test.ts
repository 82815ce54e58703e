/**
 * Why the platform uses @libp2p/gossipsub: the older @chainsafe/libp2p-gossipsub (14.1.2, its newest, installed for this test alone as
 * `gossipsub-v2`) speaks to the stream interface of libp2p 2. On libp2p 3 it loads, connects and stays silent. When this test
 * fails because a message arrives, the choice may be looked at again.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { ping, type Ping } from '@libp2p/ping'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import type { Libp2p } from '@libp2p/interface'

const TOPIC = 'canary'
const running: Libp2p[] = []
afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function start(packageName: string, listen: string[]): Promise<Libp2p<{ pubsub: unknown; ping: Ping }>> {
  const imported: unknown = await import(packageName)
  const gossipsub = call(imported, 'gossipsub', { allowPublishToZeroTopicPeers: true })
  if (typeof gossipsub !== 'function') throw new Error(`${packageName} has another shape than expected`)
  const node = await createLibp2p({
    addresses: { listen },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping(), pubsub: (components): unknown => Reflect.apply(gossipsub, undefined, [components]) }
  })
  running.push(node)
  call(node.services.pubsub, 'subscribe', TOPIC)
  return node
}

function call(target: unknown, method: string, ...args: unknown[]): unknown {
  const found: unknown = typeof target === 'object' && target !== null ? Reflect.get(target, method) : undefined
  if (typeof found !== 'function') throw new Error(`no ${method}`)
  return Reflect.apply(found, target, args)
}

/** Two connected nodes, of which one publishes four times a second until something is heard, at most `rounds` times. */
async function converse(packageName: string, rounds: number): Promise<{ subscribers: unknown; heard: number; pings: number }> {
  const server = await start(packageName, ['/ip4/127.0.0.1/tcp/0/ws'])
  const client = await start(packageName, [])
  let heard = 0
  call(server.services.pubsub, 'addEventListener', 'message', () => heard++)
  await client.dial(server.getMultiaddrs())
  let pings = 0
  for (; pings < rounds && heard === 0; pings++) {
    await client.services.ping.ping(server.peerId)
    await call(client.services.pubsub, 'publish', TOPIC, new TextEncoder().encode('hello'))
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  return { subscribers: call(client.services.pubsub, 'getSubscribers', TOPIC), heard, pings }
}

it('the gossipsub of the libp2p 2 line connects on libp2p 3, and delivers nothing', async () => {
  expect(await converse('gossipsub-v2', 10)).toEqual({ subscribers: [], heard: 0, pings: 10 })
})

it('the gossipsub of the libp2p 3 line delivers in the same place', async () => {
  const { heard, subscribers } = await converse('@libp2p/gossipsub', 60)
  expect(heard).toBeGreaterThan(0)
  expect(subscribers).toHaveLength(1)
})
