import { BLOB_CHUNK_BYTES, blobRef, utf8, type BlobRef } from '@peercompute/job-specs'
import { BLOB_FRAME_MAX_BYTES, BLOB_PROTOCOL, blobRequestSchema, type BlobRequest } from '@peercompute/job-specs/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { BanList } from './ban-list.ts'
import { fetchFromPeers, type FetchFromPeersOptions } from './blob-fetch.ts'
import { serveBlobs } from './blob-server.ts'
import { BLOB_RELAYED_MAX_BYTES } from './blob-settings.ts'
import { handleChannel, openChannel } from './channels.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { memorySink, memorySource, testBytes, type MemorySink } from './testing/memory-blob.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'
import { systemClock } from './time/clock.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const BYTES = testBytes(10 * BLOB_CHUNK_BYTES + 1_234)
const REF = blobRef(BYTES.slice())
const idOf = (node: PeerNode): string => node.peerId.toString()

/** A peer with an address of its own: connections to it are direct. */
const holder = (): Promise<PeerNode> => network.relay()
async function asker(...holders: PeerNode[]): Promise<PeerNode> {
  const node = await network.client([], { relays: holders.flatMap(addressesOf) })
  for (const other of holders) await node.dial(other.getMultiaddrs())
  return node
}

const fetchFrom = (node: PeerNode, sink: MemorySink, holders: readonly PeerNode[], options: Partial<FetchFromPeersOptions> = {}) =>
  fetchFromPeers(node, sink.ref, sink, { signal: AbortSignal.timeout(45_000), peers: holders.map(idOf), ...options })

/** Answers each question with what `answer` does; ends the stream when it returns. */
async function answerWith(node: PeerNode, answer: (request: BlobRequest, channel: FrameChannel) => Promise<void>): Promise<void> {
  await handleChannel(node, BLOB_PROTOCOL, { limit: BLOB_FRAME_MAX_BYTES, maxInboundStreams: 16 }, async (channel) => {
    for await (const { message } of channel.frames) await answer(blobRequestSchema.parse(message), channel)
  })
}

function part({ offset, length }: BlobRequest, of = BYTES): Uint8Array {
  return of.subarray(offset, offset + length)
}

describe('a blob between peers', () => {
  it('comes whole from one peer, in order, and says how far it is', async () => {
    const one = await holder()
    await serveBlobs(one, memorySource(BYTES))
    const sink = memorySink(REF)
    const progress: number[] = []
    expect(await fetchFrom(await asker(one), sink, [one], { onProgress: (bytes) => progress.push(bytes) })).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
    expect(progress).toEqual([...Array.from({ length: 10 }, (_, i) => (i + 1) * BLOB_CHUNK_BYTES), BYTES.length])
  })

  it('is found at whoever is connected and speaks the protocol', async () => {
    const [one, two] = await Promise.all([holder(), holder()])
    await serveBlobs(two, memorySource(BYTES))
    const node = await asker(one, two)
    const knows = async () => (await node.peerStore.get(two.peerId)).protocols.includes(BLOB_PROTOCOL)
    await until(knows, 'the peer has said what it speaks')
    const sink = memorySink(REF)
    expect(await fetchFromPeers(node, REF, sink, { signal: AbortSignal.timeout(45_000) })).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
  })

  it('comes over a direct WebRTC connection of two Node peers', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([
      network.client(addressesOf(relay), { webRtc: true }),
      network.client(addressesOf(relay), { webRtc: true })
    ])
    await serveBlobs(two, memorySource(BYTES))
    const webRtcOf = (): string | undefined => addressesOf(two).find((address) => address.includes('/webrtc/'))
    await until(() => webRtcOf() !== undefined, 'two offers WebRTC')
    await one.dial(multiaddr(webRtcOf() ?? ''))
    const sink = memorySink(REF)
    expect(await fetchFrom(one, sink, [two])).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
  })

  it('is not had from a peer that lacks it, or has nothing to say about blobs', async () => {
    const [one, mute] = await Promise.all([holder(), holder()])
    await serveBlobs(one, memorySource(utf8('something else')))
    const sink = memorySink(REF)
    expect(await fetchFrom(await asker(one, mute), sink, [one, mute])).toBe(false)
    expect(sink.length).toBe(0)
  })

  it.each([0, 1, 1_000, BLOB_CHUNK_BYTES])('may have %i bytes', async (length) => {
    const bytes = testBytes(length)
    const one = await holder()
    await serveBlobs(one, memorySource(bytes))
    const sink = memorySink(blobRef(bytes.slice()))
    expect(await fetchFrom(await asker(one), sink, [one])).toBe(true)
    expect(sink.bytes()).toEqual(bytes)
  })
})

describe('a blob whose peer breaks off', () => {
  it('is resumed at another peer, which is asked for the rest only', async () => {
    const [dying, other] = await Promise.all([holder(), holder()])
    const source = memorySource(BYTES)
    await answerWith(dying, async (request, channel) => {
      if (request.offset >= 4 * BLOB_CHUNK_BYTES) channel.abort(new Error('gone'))
      else await channel.send({ type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length }, part(request))
    })
    await serveBlobs(other, source)
    const node = await asker(dying, other)
    const sink = memorySink(REF)
    expect(await fetchFrom(node, sink, [dying])).toBe(false)
    expect(sink.length).toBe(4 * BLOB_CHUNK_BYTES)
    expect(await fetchFrom(node, sink, [dying, other])).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
    expect(sink.resets).toBe(0)
    expect(Math.min(...source.reads.map(({ offset }) => offset))).toBe(4 * BLOB_CHUNK_BYTES)
  })

  it('goes on at another peer when the first one dies in the middle', async () => {
    const [dying, other] = await Promise.all([holder(), holder()])
    await Promise.all([dying, other].map((node) => serveBlobs(node, memorySource(BYTES))))
    const node = await asker(dying, other)
    const sink = memorySink(REF)
    const onProgress = (bytes: number) => {
      if (bytes === 2 * BLOB_CHUNK_BYTES) void dying.stop()
    }
    expect(await fetchFrom(node, sink, [dying, other], { onProgress })).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
  })

  it('ends at once when it is called off, and keeps what came', async () => {
    const one = await holder()
    const called = new AbortController()
    await answerWith(one, async (request, channel) => {
      if (request.offset < 2 * BLOB_CHUNK_BYTES)
        await channel.send({ type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length }, part(request))
    })
    const sink = memorySink(REF)
    const onProgress = (bytes: number) => {
      if (bytes === 2 * BLOB_CHUNK_BYTES) called.abort(new Error('enough'))
    }
    await expect(fetchFrom(await asker(one), sink, [one], { signal: called.signal, onProgress })).rejects.toThrow('enough')
    expect(sink.length).toBe(2 * BLOB_CHUNK_BYTES)
  })

  it('tells what the store says when it cannot keep the bytes', async () => {
    const one = await holder()
    await serveBlobs(one, memorySource(BYTES))
    const sink = { ...memorySink(REF), length: 0, append: () => Promise.reject(new Error('disk full')) }
    await expect(fetchFrom(await asker(one), sink, [one])).rejects.toThrow('disk full')
  })
})

describe('a liar', () => {
  const wrong = BYTES.map((byte, i) => (i === 300_000 ? byte ^ 1 : byte))
  const lie = (node: PeerNode) =>
    answerWith(node, (request, channel) =>
      channel.send({ type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length }, part(request, wrong))
    )

  it('is found out by the hash, blamed, and not asked again', async () => {
    const liar = await holder()
    await lie(liar)
    const banned = new BanList(systemClock)
    const sink = memorySink(REF)
    const node = await asker(liar)
    expect(await fetchFrom(node, sink, [liar], { banned })).toBe(false)
    expect(banned.has(idOf(liar))).toBe(true)
    expect(sink.length).toBe(0)
    const again = memorySink(REF)
    expect(await fetchFrom(node, again, [liar], { banned })).toBe(false)
    expect(again.resets).toBe(0)
  })

  it('among honest peers costs a second fetch, is blamed alone, and the blob comes', async () => {
    const [liar, honest] = await Promise.all([holder(), holder()])
    const everyByte = BYTES.map((byte) => byte ^ 1)
    // The honest one waits for the first lie, or it might have sent everything before.
    let hasLied = (): void => undefined
    const lied = new Promise<void>((resolve) => {
      hasLied = resolve
    })
    await answerWith(liar, async (request, channel) => {
      await channel.send({ type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length }, part(request, everyByte))
      hasLied()
    })
    const source = memorySource(BYTES)
    await serveBlobs(honest, { ...source, read: (...asked) => lied.then(() => source.read(...asked)) })
    const banned = new BanList(systemClock)
    const sink = memorySink(REF)
    expect(await fetchFrom(await asker(liar, honest), sink, [liar, honest], { banned })).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
    expect([banned.has(idOf(liar)), banned.has(idOf(honest))]).toEqual([true, false])
  })

  it('is not blamed for a beginning that came from elsewhere', async () => {
    const honest = await holder()
    await serveBlobs(honest, memorySource(BYTES))
    const banned = new BanList(systemClock)
    const sink = memorySink(REF)
    await sink.append(wrong.subarray(0, 2 * BLOB_CHUNK_BYTES))
    expect(await fetchFrom(await asker(honest), sink, [honest], { banned })).toBe(true)
    expect(sink.bytes()).toEqual(BYTES)
    expect(banned.has(idOf(honest))).toBe(false)
  })

  it('is not seen in a peer whose blob has another size than the id says: its author may have lied', async () => {
    const one = await holder()
    await serveBlobs(one, memorySource(BYTES))
    const banned = new BanList(systemClock)
    const sink = memorySink({ ...REF, bytes: REF.bytes + 1 })
    expect(await fetchFrom(await asker(one), sink, [one], { banned })).toBe(false)
    expect(banned.has(idOf(one))).toBe(false)
  })

  const other = blobRef(utf8('other')).sha256
  it.each<[string, (request: BlobRequest) => [object, Uint8Array]]>([
    ['another hash', (request) => [{ type: 'bytes', sha256: other, offset: request.offset, total: BYTES.length }, part(request)]],
    ['another place', (request) => [{ type: 'bytes', sha256: REF.sha256, offset: request.offset + 1, total: BYTES.length }, part(request)]],
    [
      'more than asked',
      (request) => [
        { type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length },
        part({ ...request, length: request.length + 1 })
      ]
    ],
    [
      'less than asked',
      (request) => [{ type: 'bytes', sha256: REF.sha256, offset: request.offset, total: BYTES.length }, new Uint8Array(0)]
    ],
    ['bytes that it says it lacks', (request) => [{ type: 'absent', sha256: REF.sha256 }, part(request)]],
    ['no answer of the protocol', (request) => [{ type: 'have', sha256: REF.sha256 }, part(request)]]
  ])('that answers with %s is cut off at once', async (_what, answer) => {
    const liar = await holder()
    await answerWith(liar, (request, channel) => channel.send(...answer(request)))
    const banned = new BanList(systemClock)
    const sink = memorySink(REF)
    expect(await fetchFrom(await asker(liar), sink, [liar], { banned })).toBe(false)
    expect(banned.has(idOf(liar))).toBe(true)
    expect(sink.length).toBe(0)
  })
})

describe('serveBlobs', () => {
  const ask = async (node: PeerNode, peer: PeerNode, ...questions: object[]): Promise<unknown[]> => {
    const channel = await openChannel(node, idOf(peer), BLOB_PROTOCOL, { limit: BLOB_FRAME_MAX_BYTES, signal: AbortSignal.timeout(20_000) })
    const answers: unknown[] = []
    const frames = channel.frames[Symbol.asyncIterator]()
    for (const question of questions) {
      await channel.send(question)
      const answer = await frames.next()
      if (answer.done !== true) answers.push(answer.value.message)
    }
    await channel.close()
    return answers
  }
  const get = (offset: number, length: number): BlobRequest => ({ type: 'get', sha256: REF.sha256, offset, length })

  it('says busy when a peer has had its share, and how long it should wait', async () => {
    const one = await holder()
    const clock = createFakeClock()
    await serveBlobs(one, memorySource(BYTES), { clock, perPeer: { bytesPerSecond: 1_000, burstBytes: 3_000 } })
    const node = await asker(one)
    expect(await ask(node, one, get(0, 3_000), get(0, 500))).toEqual([
      { type: 'bytes', sha256: REF.sha256, offset: 0, total: BYTES.length },
      { type: 'busy', sha256: REF.sha256, retryAfterMs: 500 }
    ])
    clock.advance(500)
    expect(await ask(node, one, get(0, 500))).toMatchObject([{ type: 'bytes' }])
  })

  it('is waited for while it is busy, and left alone when it stays so', async () => {
    const one = await holder()
    await serveBlobs(one, memorySource(BYTES), { perPeer: { bytesPerSecond: 16 * BYTES.length, burstBytes: BLOB_CHUNK_BYTES } })
    const node = await asker(one)
    const sink = memorySink(REF)
    expect(await fetchFrom(node, sink, [one])).toBe(true)

    const full = await holder()
    await answerWith(full, (_request, channel) => channel.send({ type: 'busy', sha256: REF.sha256, retryAfterMs: 1 }))
    await node.dial(full.getMultiaddrs())
    expect(await fetchFrom(node, memorySink(REF), [full])).toBe(false)
  })

  it('reads no more for slow readers than its limit, and serves others the while', async () => {
    const one = await holder()
    const source = memorySource(BYTES)
    await serveBlobs(one, source)
    const [slow, quick] = await Promise.all([asker(one), asker(one)])
    const channels = await Promise.all(
      Array.from({ length: 16 }, () =>
        openChannel(slow, idOf(one), BLOB_PROTOCOL, { limit: BLOB_FRAME_MAX_BYTES, signal: AbortSignal.timeout(20_000) })
      )
    )
    // nobody reads the answers: the streams fill, and then the server stops reading the disk for them
    for (const channel of channels) for (let i = 0; i < 40; i++) void channel.send(get(0, BLOB_CHUNK_BYTES)).catch(() => undefined)
    await until(() => source.reads.length > 16, 'the server has begun')
    const sink = memorySink(REF)
    expect(await fetchFrom(quick, sink, [one])).toBe(true)
    expect(source.reads.length).toBeLessThan(16 * 40)
    for (const channel of channels) channel.abort(new Error('over'))
  })

  it('ends a stream on which something else than a question comes', async () => {
    const one = await holder()
    await serveBlobs(one, memorySource(BYTES))
    const node = await asker(one)
    for (const question of [{ type: 'put' }, { ...get(0, 10), length: BLOB_CHUNK_BYTES + 1 }, { ...get(0, 10), sha256: '../etc' }])
      await expect(ask(node, one, question)).rejects.toThrow()
  })

  it('closes streams on which nothing is asked, and all of them when it stops', async () => {
    const one = await holder()
    const clock = createFakeClock()
    const stop = await serveBlobs(one, memorySource(BYTES), { clock })
    const node = await asker(one)
    const open = async () => {
      const channel = await openChannel(node, idOf(one), BLOB_PROTOCOL, {
        limit: BLOB_FRAME_MAX_BYTES,
        signal: AbortSignal.timeout(20_000)
      })
      const frames = channel.frames[Symbol.asyncIterator]()
      await channel.send(get(0, 1))
      await frames.next()
      return frames
    }
    const idle = await open()
    await until(() => clock.pending().length === 1, 'the server waits for the next question')
    clock.advance(60_000)
    await expect(idle.next()).rejects.toThrow()
    const asked = await open()
    await stop()
    await expect(asked.next()).rejects.toThrow()
  })
})

describe('over a relayed circuit', () => {
  async function circuit(source: Uint8Array): Promise<{ far: PeerNode; near: PeerNode; ref: BlobRef }> {
    const relay = await network.relay()
    const [far, near] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    await serveBlobs(far, memorySource(source))
    const address = (): string | undefined => addressesOf(far).find((one) => one.includes('/p2p-circuit/p2p/'))
    await until(() => address() !== undefined, 'the peer has an address')
    await near.dial(multiaddr(address() ?? ''))
    return { far, near, ref: blobRef(source.slice()) }
  }

  it('a small blob comes', async () => {
    const { far, near, ref } = await circuit(testBytes(BLOB_RELAYED_MAX_BYTES))
    expect(await fetchFrom(near, memorySink(ref), [far])).toBe(true)
  })

  it('a larger one is neither asked for nor given', async () => {
    const { far, near, ref } = await circuit(testBytes(BLOB_RELAYED_MAX_BYTES + 1))
    const sink = memorySink(ref)
    expect(await fetchFrom(near, sink, [far])).toBe(false)
    expect(await fetchFromPeers(near, ref, sink, { signal: AbortSignal.timeout(5_000) })).toBe(false)
    const channel = await openChannel(near, idOf(far), BLOB_PROTOCOL, { limit: BLOB_FRAME_MAX_BYTES, signal: AbortSignal.timeout(20_000) })
    await channel.send({ type: 'get', sha256: ref.sha256, offset: 0, length: 1 })
    const answer = await channel.frames[Symbol.asyncIterator]().next()
    expect(answer).toMatchObject({ done: false, value: { message: { type: 'absent', sha256: ref.sha256 } } })
  })
})
