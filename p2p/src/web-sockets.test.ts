import { afterEach, describe, expect, it } from 'vitest'
import { announceFor } from './announce.ts'
import { handlePipe } from './channels.ts'
import { disconnect } from './disconnect.ts'
import { attachRelay } from './one-port.ts'
import { READS_PER_TURN } from './read-in-turns.ts'
import { addressesOf, createTestNetwork, openLightConnection, startHttpServer } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const PROTOCOL = '/peercompute/test-sockets/1'
const MESSAGES = 3_000

async function lightConnection(address: string) {
  return openLightConnection(address, PROTOCOL, { limit: 1_000, signal: AbortSignal.timeout(5_000) })
}

describe('a connection that is aborted', () => {
  it.each(['its own port', 'the port of an HTTP server'])('is gone at once, and keeps no relay on %s from stopping', async (where) => {
    const { server, port } = await startHttpServer(network)
    const attached = where !== 'its own port'
    const relay = await network.relay({ announce: attached ? [announceFor(`http://127.0.0.1:${port}`)] : [] })
    if (attached) network.after(attachRelay(server, relay))
    await handlePipe(relay, PROTOCOL, { maxInboundStreams: 1 }, async (pipe) => {
      pipe.listen({ data: () => undefined, end: () => undefined })
    })
    const [address = ''] = addressesOf(relay)
    const { channel, stop } = await lightConnection(address)
    network.after(stop)
    const talking = (async () => {
      for (;;) await channel.send({ text: 'x'.repeat(100) })
    })()
    const [peer] = relay.getPeers()
    disconnect(relay, String(peer), new Error('cut'))
    expect(relay.getConnections()).toEqual([])
    await expect(talking).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
    await until(
      () =>
        new Promise((resolve) =>
          server.getConnections((_error, count) => {
            resolve(count === 0)
          })
        ),
      'the socket is gone',
      2_000
    )
    const began = performance.now()
    await relay.stop()
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('a connection that sends much', () => {
  it('is read a few messages at a time, and all that it sent arrives before its goodbye', async () => {
    const relay = await network.relay()
    let turn = { messages: 0 }
    let most = 0
    let bytes = 0
    let ended = false
    await handlePipe(relay, PROTOCOL, { maxInboundStreams: 1 }, async (pipe) => {
      pipe.listen({
        data(data) {
          bytes += data.length
          if (turn.messages++ === 0)
            setImmediate(() => {
              turn = { messages: 0 }
            })
          most = Math.max(most, turn.messages)
        },
        end() {
          ended = true
        }
      })
    })
    const client = await network.client(addressesOf(relay), { announce: false })
    const stream = await client.getConnections()[0]?.newStream(PROTOCOL)
    for (let at = 0; at < MESSAGES; at++) stream?.send(new Uint8Array(20))
    await stream?.close()
    await client.hangUp(relay.peerId)
    await until(() => ended, 'the end of the stream')
    expect(bytes).toBe(MESSAGES * 20)
    expect(most).toBeLessThanOrEqual(2 * READS_PER_TURN)
  })
})
