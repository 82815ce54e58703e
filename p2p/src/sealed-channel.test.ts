import { encodeFrame, type Frame } from '@peercompute/job-specs/protocol'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { handleChannel, openChannel } from './channels.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'
import { openBytes, SEAL_BYTES, sealBytes } from './sealed-bytes.ts'
import { sealChannel, SEALED_FRAME_BYTES } from './sealed-channel.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const PROTOCOL = '/peercompute/test-sealed/1'
const LIMIT = 100_000

function newKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

interface Pair {
  readonly asker: PeerNode
  readonly answerer: PeerNode
  /** What the answerer's handler met, as soon as it is over. */
  readonly ends: (Error | null)[]
  readonly heard: Frame[]
}

/** The answerer says "welcome" before it reads, as the ledger's sessions do, and echoes. */
async function pair(key: CryptoKey): Promise<Pair> {
  const relay = await network.relay()
  const asker = await network.client(addressesOf(relay))
  const ends: (Error | null)[] = []
  const heard: Frame[] = []
  await handleChannel(relay, PROTOCOL, { limit: LIMIT + SEALED_FRAME_BYTES, maxInboundStreams: 4 }, async (raw) => {
    const channel = sealChannel(raw, { key, context: 'test', self: relay.peerId.toString(), opener: 'them' })
    const welcome = channel.send({ type: 'welcome' })
    welcome.catch(() => undefined)
    try {
      for await (const frame of channel.frames) {
        heard.push(frame)
        await channel.send({ type: 'echo', of: frame.message }, frame.attachment)
      }
      ends.push(null)
    } catch (error) {
      ends.push(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  })
  return { asker, answerer: relay, ends, heard }
}

function dial({ asker, answerer }: Pair): Promise<FrameChannel> {
  const signal = AbortSignal.timeout(10_000)
  return openChannel(asker, answerer.peerId.toString(), PROTOCOL, { limit: LIMIT + SEALED_FRAME_BYTES, signal })
}

function sealed(raw: FrameChannel, key: CryptoKey, { asker }: Pair): FrameChannel {
  return sealChannel(raw, { key, context: 'test', self: asker.peerId.toString(), opener: 'us' })
}

/** All that comes until the stream ends, however it ends. */
async function everything(channel: FrameChannel): Promise<Frame[]> {
  const frames: Frame[] = []
  try {
    for await (const frame of channel.frames) frames.push(frame)
  } catch {
    // reset
  }
  return frames
}

describe('sealed bytes', () => {
  it('open with their key and context only, unchanged', async () => {
    const [key, other] = await Promise.all([newKey(), newKey()])
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(), async (plain, at) => {
        const bytes = await sealBytes(key, 'here', plain)
        expect(bytes.length).toBe(plain.length + SEAL_BYTES)
        expect(await openBytes(key, 'here', bytes)).toEqual(new Uint8Array(plain))
        expect(await openBytes(other, 'here', bytes)).toBeNull()
        expect(await openBytes(key, 'there', bytes)).toBeNull()
        const index = at % bytes.length
        bytes.set([(bytes[index] ?? 0) ^ 1], index)
        expect(await openBytes(key, 'here', bytes)).toBeNull()
      }),
      { numRuns: 50 }
    )
  })

  it('are refused when they are too short to be any', async () => {
    expect(await openBytes(await newKey(), '', new Uint8Array(SEAL_BYTES - 1))).toBeNull()
  })
})

describe('a sealed channel', () => {
  it('carries frames both ways, in order, up to the limit', async () => {
    const key = await newKey()
    const two = await pair(key)
    const channel = sealed(await dial(two), key, two)
    const large = new Uint8Array(LIMIT - 100).fill(7)
    const sent = [channel.send({ type: 'one' }), channel.send({ type: 'two' }, large)]
    const reader = channel.frames[Symbol.asyncIterator]()
    const got = [await reader.next(), await reader.next(), await reader.next()].map(({ value }) => value as Frame)
    await Promise.all(sent)
    expect(got.map(({ message }) => message)).toEqual([
      { type: 'welcome' },
      { type: 'echo', of: { type: 'one' } },
      { type: 'echo', of: { type: 'two' } }
    ])
    expect(got[2]?.attachment).toEqual(large)
    await channel.close()
    await until(() => two.ends.length === 1, 'the answerer is done')
    expect(two.ends).toEqual([null])
  })

  it('puts nothing readable on the stream', async () => {
    const key = await newKey()
    const two = await pair(key)
    const raw = await dial(two)
    const spied: string[] = []
    const spy: FrameChannel = {
      ...raw,
      send(message, attachment) {
        spied.push(Buffer.from(encodeFrame(message, attachment)).toString('latin1'))
        return raw.send(message, attachment)
      }
    }
    await sealed(spy, key, two).send({ type: 'a-secret-word' })
    await until(() => two.heard.length === 1, 'it arrives')
    expect(spied).toHaveLength(1)
    expect(spied[0]).not.toContain('a-secret-word')
  })

  it.each([
    ['another key', async (_: CryptoKey, raw: FrameChannel, two: Pair) => sealed(raw, await newKey(), two).send({ type: 'hello' })],
    ['no seal at all', (_: CryptoKey, raw: FrameChannel) => raw.send({ type: 'hello' })],
    [
      'the right key for another context',
      (key: CryptoKey, raw: FrameChannel, { asker }: Pair) =>
        sealChannel(raw, { key, context: 'elsewhere', self: asker.peerId.toString(), opener: 'us' }).send({ type: 'hello' })
    ],
    [
      'a frame that somebody else sealed',
      (key: CryptoKey, raw: FrameChannel) =>
        sealChannel(raw, { key, context: 'test', self: 'another peer', opener: 'us' }).send({ type: 'hello' })
    ]
  ])('is closed without an answer to %s', async (_, speak) => {
    const key = await newKey()
    const two = await pair(key)
    const raw = await dial(two)
    const answers = everything(raw)
    await speak(key, raw, two)
    expect(await answers).toEqual([])
    expect(two.heard).toEqual([])
    expect(two.ends[0]).toMatchObject({ code: 'FRAME_INVALID' })
  })

  it('is closed when a frame is played again', async () => {
    const key = await newKey()
    const two = await pair(key)
    const raw = await dial(two)
    const context = ['test', two.asker.peerId.toString(), two.answerer.peerId.toString(), 0].join('\n')
    const frame = await sealBytes(key, context, encodeFrame({ type: 'once' }))
    await raw.send({}, frame)
    await raw.send({}, frame)
    await until(() => two.ends.length === 1, 'the stream is over')
    expect(two.heard.map(({ message }) => message)).toEqual([{ type: 'once' }])
    expect(two.ends[0]).toMatchObject({ code: 'FRAME_INVALID' })
  })

  it('does not wait for ever for a first frame', async () => {
    const key = await newKey()
    const two = await pair(key)
    const raw = await dial(two)
    expect(await everything(raw)).toEqual([])
    expect(two.ends[0]).toMatchObject({ code: 'TIMEOUT' })
  })
})
