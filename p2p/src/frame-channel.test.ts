import { createHash, randomBytes } from 'node:crypto'
import { peerIdFromString } from '@libp2p/peer-id'
import { encodeFrame, type Frame } from '@peercompute/job-specs/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { handleChannel, openChannel } from './channels.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'
import { streamChannel } from './stream-channel.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'
import type { Stream } from '@libp2p/interface'

const network = createTestNetwork()
afterEach(() => network.stop())

const PROTOCOL = '/peercompute/test-frames/1'
const LIMIT = 4_194_304
const MIB = 1_048_576

interface Line {
  readonly relay: PeerNode
  readonly client: PeerNode
  readonly relayId: string
}

/** A client and a relay that answers PROTOCOL with `handler`. */
async function line(handler: (channel: FrameChannel) => Promise<void>): Promise<Line> {
  const relay = await network.relay()
  await handleChannel(relay, PROTOCOL, { limit: LIMIT, maxInboundStreams: 2 }, handler)
  return { relay, client: await network.client(addressesOf(relay)), relayId: relay.peerId.toString() }
}

function open({ client, relayId }: Line): Promise<FrameChannel> {
  return openChannel(client, relayId, PROTOCOL, { limit: LIMIT, signal: AbortSignal.timeout(5_000) })
}

function rawStream({ client, relayId }: Line): Promise<Stream> {
  return client.dialProtocol(peerIdFromString(relayId), PROTOCOL)
}

function streamOf(node: PeerNode): Stream {
  const stream = node
    .getConnections()
    .flatMap((connection) => connection.streams)
    .find(({ protocol }) => protocol === PROTOCOL)
  if (stream === undefined) throw new Error('no such stream')
  return stream
}

async function readAll(channel: FrameChannel): Promise<Frame[]> {
  const frames: Frame[] = []
  for await (const frame of channel.frames) frames.push(frame)
  return frames
}

/** A handler, and what its reading of the channel came to. */
function collector(): { handler: (channel: FrameChannel) => Promise<void>; outcome: Promise<{ frames: Frame[]; error: unknown }> } {
  const { promise, resolve } = Promise.withResolvers<{ frames: Frame[]; error: unknown }>()
  return {
    outcome: promise,
    async handler(channel) {
      const frames: Frame[] = []
      try {
        for await (const frame of channel.frames) frames.push(frame)
        resolve({ frames, error: undefined })
      } catch (error) {
        resolve({ frames, error })
        throw error
      }
    }
  }
}

describe('FrameChannel over libp2p', () => {
  it('carries messages and attachments both ways, in order, and ends when the other side closes', async () => {
    const channel = await open(
      await line(async (remote) => {
        for await (const { message, attachment } of remote.frames) await remote.send({ echo: message }, attachment)
      })
    )
    const answers = readAll(channel)
    await Promise.all(Array.from({ length: 50 }, (_, i) => channel.send({ i }, new Uint8Array(i * 100).fill(i))))
    await channel.close()
    expect((await answers).map(({ message, attachment }) => [message, attachment.length, attachment[0]])).toEqual(
      Array.from({ length: 50 }, (_, i) => [{ echo: { i } }, i * 100, i === 0 ? undefined : i])
    )
  })

  it('lets a reader stop and go on later', async () => {
    const channel = await open(
      await line(async (remote) => {
        for (let i = 0; i < 3; i++) await remote.send({ i })
      })
    )
    for await (const { message } of channel.frames) {
      expect(message).toEqual({ i: 0 })
      break
    }
    expect((await readAll(channel)).map(({ message }) => message)).toEqual([{ i: 1 }, { i: 2 }])
  })

  it.each([
    ['8 MiB in frames of 64 KiB', 65_536, 128],
    ['16 MiB in frames of 4 MiB', LIMIT - 1_024, 4]
  ])('moves %s past a reader that sleeps, with bounded buffers', async (_, size, count) => {
    const gate = Promise.withResolvers<undefined>()
    const hash = createHash('sha256')
    const done = Promise.withResolvers<string>()
    const there = await line(async (remote) => {
      for await (const { attachment } of remote.frames) {
        await gate.promise
        hash.update(attachment)
      }
      done.resolve(hash.digest('hex'))
    })
    const channel = await open(there)
    const stream = streamOf(there.client)
    const expected = createHash('sha256')
    let [handedOver, mostWaiting] = [0, 0]
    const sending = (async () => {
      for (let i = 0; i < count; i++) {
        const bytes = randomBytes(size)
        expected.update(bytes)
        const sent = channel.send({ i }, bytes)
        const watch = setInterval(() => {
          mostWaiting = Math.max(mostWaiting, stream.writeBufferLength)
        }, 1)
        await sent
        clearInterval(watch)
        handedOver += size
      }
    })()

    await until(() => stream.writableNeedsDrain && streamOf(there.relay).readStatus === 'paused', 'the sender has to wait')
    // a frame at the reader, one in its queue, a window, what the socket holds
    expect(handedOver).toBeLessThanOrEqual(2 * size + 5 * MIB)
    expect(streamOf(there.relay).readBufferLength).toBeLessThan(4 * MIB)
    gate.resolve(undefined)
    await sending
    await channel.close()
    expect(await done.promise).toBe(expected.digest('hex'))
    expect(mostWaiting).toBeLessThanOrEqual(2 * 65_536)
  })

  it('holds back a second time as well: the promise of onDrain() would not', async () => {
    const gate = Promise.withResolvers<undefined>()
    let received = 0
    const there = await line(async (remote) => {
      for await (const { attachment } of remote.frames) {
        received += attachment.length
        if (received > 20 * MIB) await gate.promise
      }
    })
    const channel = await open(there)
    let handedOver = 0
    const sending = (async () => {
      for (let i = 0; i < 32; i++) {
        await channel.send({}, new Uint8Array(MIB))
        handedOver += MIB
      }
    })()
    await until(
      () => received > 20 * MIB && streamOf(there.relay).readStatus === 'paused' && streamOf(there.client).writableNeedsDrain,
      'the reader sleeps'
    )
    expect(handedOver).toBeLessThan(28 * MIB)
    expect(streamOf(there.client).writeBufferLength).toBeLessThanOrEqual(2 * 65_536)
    gate.resolve(undefined)
    await sending
    await until(() => received === 32 * MIB, 'everything arrived')
    await channel.close()
  }, 40_000)

  it('gives up a remote that reads nothing', async () => {
    const there = await line(() => new Promise<void>(() => undefined))
    const channel = streamChannel(await rawStream(there), there.relayId, { limit: LIMIT, stallMs: 200 })
    const sending = Promise.all([1, 2, 3, 4].map(() => channel.send({}, new Uint8Array(3 * MIB))))
    await expect(sending).rejects.toMatchObject({ code: 'TIMEOUT' })
    await expect(channel.send({})).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  it('refuses to send a frame over the limit and stays usable', async () => {
    const { handler, outcome } = collector()
    const channel = await open(await line(handler))
    await expect(channel.send({}, new Uint8Array(LIMIT))).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' })
    await channel.send({ fits: true })
    await channel.close()
    expect(await outcome).toMatchObject({ error: undefined, frames: [{ message: { fits: true } }] })
  })

  it('ends on a length over the limit, before the bytes come', async () => {
    const { handler, outcome } = collector()
    const stream = await rawStream(await line(handler))
    const head = new Uint8Array(4)
    new DataView(head.buffer).setUint32(0, LIMIT + 1)
    stream.send(encodeFrame({ first: true }))
    stream.send(head)
    expect(await outcome).toMatchObject({ error: { code: 'FRAME_TOO_LARGE' }, frames: [{ message: { first: true } }] })
    await until(() => stream.status === 'reset', 'the sender is told')
  })

  it.each([
    ['a frame that is cut off', encodeFrame({ cut: true }, new Uint8Array(100)).subarray(0, 60)],
    ['bytes that are no JSON', new Uint8Array([0, 0, 0, 6, 0, 0, 0, 2, 0x7b, 0xff])]
  ])('ends on %s', async (_, bytes) => {
    const { handler, outcome } = collector()
    const stream = await rawStream(await line(handler))
    stream.send(bytes)
    await stream.close()
    expect((await outcome).error).toMatchObject({ code: 'FRAME_INVALID' })
  })

  it('tells a lost connection from a goodbye', async () => {
    const { handler, outcome } = collector()
    const there = await line(handler)
    const channel = await open(there)
    await channel.send({ last: 'words' })
    await until(() => streamOf(there.relay).status === 'open', 'the relay has the stream')
    const reading = readAll(channel)
    for (const connection of there.relay.getConnections()) connection.abort(new Error('the cable is cut'))
    await expect(reading).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
    expect((await outcome).error).toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  it('says when a peer does not speak the protocol, or is not there', async () => {
    const there = await line(() => Promise.resolve())
    const options = { limit: 10, signal: AbortSignal.timeout(5_000) }
    await expect(openChannel(there.client, there.relayId, '/peercompute/nothing/9', options)).rejects.toMatchObject({
      code: 'PROTOCOL_UNSUPPORTED'
    })
    const stranger = await network.relay()
    await expect(openChannel(there.client, stranger.peerId.toString(), PROTOCOL, options)).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE'
    })
    await expect(openChannel(there.client, 'nobody', PROTOCOL, options)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })

  it('opens no bulk channel over a circuit', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    await handleChannel(two, PROTOCOL, { limit: LIMIT, maxInboundStreams: 1, overRelay: false }, () => Promise.resolve())
    await until(() => addressesOf(two).length > 0, 'two has an address')
    await one.dial(two.getMultiaddrs())
    const options = { limit: LIMIT, signal: AbortSignal.timeout(5_000), overRelay: false }
    await expect(openChannel(one, two.peerId.toString(), PROTOCOL, options)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  })
})
