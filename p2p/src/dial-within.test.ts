import { createServer } from 'node:net'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, it } from 'vitest'
import { dialWithin } from './dial-within.ts'
import { createTestNetwork, portOf } from './testing/network.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

/** Takes connections and says nothing. */
async function muteServer(): Promise<Multiaddr> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  network.after(() => server.close())
  return multiaddr(`/ip4/127.0.0.1/tcp/${portOf(server)}/ws`)
}

it('gives up who accepts and never answers', async () => {
  const mute = await muteServer()
  const node = await network.client([], { relays: [mute.toString()] })
  await expect(dialWithin(node, [mute], 200, new AbortController().signal)).rejects.toThrow('no answer within 0.2 s')
})

it('ends when it is called off, before and while it dials', async () => {
  const mute = await muteServer()
  const node = await network.client([], { relays: [mute.toString()] })
  await expect(dialWithin(node, [mute], 60_000, AbortSignal.abort(new Error('called off')))).rejects.toThrow('called off')
  const calling = new AbortController()
  const dialling = dialWithin(node, [mute], 60_000, calling.signal)
  calling.abort(new Error('called off later'))
  await expect(dialling).rejects.toThrow('called off later')
})

it('connects', async () => {
  const relay = await network.relay()
  const node = await network.client([], { relays: relay.getMultiaddrs().map(String) })
  const { remotePeer } = await dialWithin(node, relay.getMultiaddrs(), 10_000, new AbortController().signal)
  expect(remotePeer.equals(relay.peerId)).toBe(true)
})
