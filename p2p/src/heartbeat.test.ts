import { connect, createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { handleChannel } from './channels.ts'
import { generatePeerKey } from './peer-key.ts'
import { relaySettings, startRelay } from './relay-node.ts'
import { HEARTBEAT_MS } from './settings.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { createTestNetwork, openLightConnection } from './testing/network.ts'
import { until } from './testing/until.ts'
import { abortableWebSockets } from './web-sockets.ts'

const PROTOCOL = '/peercompute/test-heartbeat/1'
const network = createTestNetwork()
afterEach(() => network.stop())

/** A relay whose heartbeats come when the test says so, and a line to it that can go silent without closing. */
async function scene() {
  const clock = createFakeClock()
  const settings = await relaySettings({ peerKey: await generatePeerKey(), announce: [] })
  const relay = await startRelay({ ...settings, transports: [abortableWebSockets(clock)] })
  network.after(() => relay.stop())
  const port = Number(/tcp\/(\d+)/.exec(String(relay.getMultiaddrs()[0]))?.[1])
  let silent = false
  const line = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) {
      socket.on('error', () => undefined)
      network.after(() => socket.destroy())
    }
    client.on('data', (data) => silent || server.write(data))
    server.on('data', (data) => silent || client.write(data))
  })
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve))
  network.after(() => line.close())
  const through = `/ip4/127.0.0.1/tcp/${(line.address() as AddressInfo).port}/ws/p2p/${String(relay.peerId)}`
  await handleChannel(relay, PROTOCOL, { limit: 100, maxInboundStreams: 1 }, async (channel) => {
    for await (const frame of channel.frames) await channel.send({ bytes: frame.attachment.length })
  })
  const { channel, stop } = await openLightConnection(through, PROTOCOL, { limit: 100, signal: AbortSignal.timeout(10_000) })
  network.after(stop)
  const answers = channel.frames[Symbol.asyncIterator]()
  const roundTrip = async () => {
    await channel.send({})
    await answers.next()
  }
  await roundTrip()
  return {
    clock,
    relay,
    roundTrip,
    goSilent: () => {
      silent = true
    }
  }
}

it('leaves a connection alone whose other end answers, for ever', async () => {
  const { clock, relay, roundTrip } = await scene()
  for (let beat = 0; beat < 6; beat++) {
    clock.advance(HEARTBEAT_MS)
    // The first brings the heartbeat to the client, the second follows its answer.
    for (let trip = 0; trip < 2; trip++) await roundTrip()
  }
  expect(relay.getConnections()).toHaveLength(1)
  expect(clock.pending()).toEqual([HEARTBEAT_MS])
})

it('ends one whose line has gone silent, at the third heartbeat', async () => {
  const { clock, relay, goSilent } = await scene()
  goSilent()
  for (let beat = 0; beat < 2; beat++) clock.advance(HEARTBEAT_MS)
  expect(relay.getConnections()).toHaveLength(1)
  clock.advance(HEARTBEAT_MS)
  await until(() => relay.getConnections().length === 0, 'the relay has noticed')
  expect(clock.pending()).toEqual([])
})
