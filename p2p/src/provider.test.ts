import { peerIdFromString } from '@libp2p/peer-id'
import { canonicalBytes, generateKeyPair, jobSpecSchema, signSpec, SPEC_MAX_BYTES, type JobSpec } from '@peercompute/job-specs'
import {
  ANTI_ENTROPY_MS,
  decodeFrames,
  encodeFrame,
  GOSSIP_MAX_BYTES,
  LEDGER_FRAME_MAX_BYTES,
  LEDGER_PROTOCOL,
  LEDGER_TOPIC
} from '@peercompute/job-specs/protocol'
import { createLedger, memoryLedgerStore, type FeedWriter } from '@peercompute/ledger'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from './time/clock.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { followTopic, subscribersOf, type PeerNode } from './gossip.ts'
import type { ProviderScope } from './provider.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { agree, openFeed, someJob, startReplica, startReplicas, type Replica } from './testing/replicas.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const job = someJob
const replica = (node: PeerNode, clock: Clock = systemClock): Promise<Replica> => startReplica(network, node, { clock })
const replicas = (count: number, clock: Clock = systemClock): Promise<[Replica, ...Replica[]]> => startReplicas(network, count, { clock })

/** Throws away what the predicate says of the gossip that reaches a node. */
function loseGossip({ node }: Replica, lose: () => boolean): void {
  const { topicValidators } = node.services.pubsub
  const validate = topicValidators.get(LEDGER_TOPIC)
  if (validate === undefined) throw new Error('no gate')
  followTopic(node, LEDGER_TOPIC, async (data, source) => {
    if (lose()) return 'ignore'
    return validate(peerIdFromString(source), { type: 'unsigned', topic: LEDGER_TOPIC, data })
  })
}

/** A specification of exactly the largest allowed size: with signatures and envelope, its record exceeds what gossip carries. */
function largestSpec(): JobSpec {
  const spec = jobSpecSchema.parse({
    v: 1,
    name: 'large',
    title: 'large',
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'n-queens', abi: 1, js: { blob: { sha256: '0'.repeat(64), bytes: 1, chunkBytes: 262_144 } } },
    params: Object.fromEntries(Array.from({ length: 64 }, (_, row) => [`p${row}`, Array.from({ length: 56 }, (_, i) => 1 / (i + 3))])),
    unitCount: 1,
    inputs: [],
    outputs: [{ name: 'count', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 10, outputBytes: 1024, memoryBytes: 1_048_576 },
    unitOperations: 1000
  })
  return { ...spec, description: 'x'.repeat(SPEC_MAX_BYTES - canonicalBytes(spec).length) }
}

describe('PeerComputeProvider', () => {
  it('brings 500 records of several feeds to a peer that joins late', async () => {
    const [relay, early] = await replicas(1)
    if (early === undefined) throw new Error('no client')
    for (const ledger of [relay.ledger, early.ledger, early.ledger]) {
      const writer = await openFeed(ledger)
      await Promise.all(Array.from({ length: 170 }, () => writer.append('job.cancel', { job })))
    }
    await until(() => agree(relay, early), 'the early peers agree')

    const late = await replica(await network.client(addressesOf(relay.node)))
    await until(() => agree(relay, early, late), 'the late peer has everything')
    expect(late.ledger.heads().map(({ length }) => length)).toEqual([171, 171, 171])
    expect(late.provider.stats).toMatchObject({ records: 513, refused: {}, offences: 0 })
  })

  it('gossips a new record to everybody, long before heads are compared again', async () => {
    const all = await replicas(3)
    const [, first] = all
    if (first === undefined) throw new Error('no client')
    const writer = await openFeed(first.ledger)
    await writer.append('job.cancel', { job })
    await until(() => agree(...all), 'all agree')
    for (const { ledger } of all) expect(ledger.entries(writer.feed).map(({ record }) => record.type)).toEqual(['feed.open', 'job.cancel'])
  })

  it('sends over streams what is too large for gossip, and it still reaches everybody', async () => {
    const all = await replicas(3)
    const [, first] = all
    if (first === undefined) throw new Error('no client')
    const key = await generateKeyPair({ extractable: false })
    const writer = await openFeed(first.ledger, key)
    await writer.append('job.publish', { signed: await signSpec(key, largestSpec()) })
    expect(first.ledger.updateFrom(writer.feed, 1)?.length).toBeGreaterThan(GOSSIP_MAX_BYTES)
    await until(() => agree(...all), 'all agree')
    expect(all.map(({ ledger }) => ledger.entries(writer.feed).length)).toEqual([2, 2, 2, 2])
  })

  it('repairs lost gossip when heads are compared again', async () => {
    const clock = createFakeClock()
    const [relay, one, two] = await replicas(2, clock)
    if (one === undefined || two === undefined) throw new Error('no clients')
    let lost = 0
    loseGossip(relay, () => lost++ >= 0)
    await openFeed(one.ledger)
    await until(() => lost > 0, 'the message is lost')
    expect(relay.ledger.heads()).toEqual([])
    clock.advance(ANTI_ENTROPY_MS)
    await until(() => agree(relay, one, two), 'all agree')
  })

  it('mentions to all, once gossip has settled, what gossip brought: some may not be in its mesh yet', async () => {
    const [relay, one, two] = await replicas(2)
    if (one === undefined || two === undefined) throw new Error('no clients')
    loseGossip(two, () => true)
    await openFeed(one.ledger)
    await until(() => agree(relay, one, two), 'all agree')
  })

  it('asks at once for what is missing when gossip leaves a gap', async () => {
    const [relay, one, two] = await replicas(2)
    if (one === undefined || two === undefined) throw new Error('no clients')
    let lost = 0
    loseGossip(relay, () => lost++ === 0)
    const writer = await openFeed(one.ledger)
    await until(() => lost === 1, 'the first message is lost')
    await writer.append('job.cancel', { job })
    await until(() => agree(relay, one, two), 'all agree')
    expect(relay.provider.stats.refused).toEqual({ gap: 1 })
  })

  it('exchanges with peers that it knew before it started, and over a circuit of a relay that keeps no ledger', async () => {
    const relay = await network.relay()
    const [one, two] = await Promise.all([network.client(addressesOf(relay)), network.client(addressesOf(relay))])
    await until(() => addressesOf(two).length > 0, 'two has an address')
    const connection = await one.dial(two.getMultiaddrs())
    expect(connection.limits).toBeDefined()
    const here = await replica(one)
    const writer = await openFeed(here.ledger)
    const there = await replica(two)
    await until(() => agree(here, there), 'both agree')
    await writer.append('job.cancel', { job })
    await until(() => agree(here, there), 'both agree again')
    expect(there.ledger.entries(writer.feed)).toHaveLength(2)
  })

  it('takes up again with a peer whose stream was lost', async () => {
    const clock = createFakeClock()
    const [relay, one] = await replicas(1, clock)
    if (one === undefined) throw new Error('no client')
    for (const stream of relay.node.getConnections().flatMap(({ streams }) => streams)) {
      if (stream.protocol === LEDGER_PROTOCOL) stream.abort(new Error('lost'))
    }
    await until(() => relay.provider.stats.sessions === 0 && one.provider.stats.sessions === 0, 'the session ended')
    loseGossip(relay, () => true)
    await openFeed(one.ledger)
    clock.advance(ANTI_ENTROPY_MS)
    await until(() => agree(relay, one), 'both agree')
  })

  it('leaves nothing behind when it stops', async () => {
    const clock = createFakeClock()
    const [relay, one] = await replicas(1, clock)
    if (one === undefined) throw new Error('no client')
    await one.provider.stop()
    await until(() => relay.provider.stats.sessions === 0, 'the relay sees the goodbye')
    expect(clock.pending()).toEqual([])
    expect(one.node.getProtocols()).not.toContain(LEDGER_PROTOCOL)
    expect(one.node.services.pubsub.getTopics()).not.toContain(LEDGER_TOPIC)
  })
})

describe('a scope of its own', () => {
  const key = 0x5a
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ key)
  const sealed: ProviderScope = {
    topic: 'peercompute/test-room',
    protocol: '/peercompute/test-room/1',
    wrap: (channel) => ({
      remote: channel.remote,
      send: (message, attachment) => channel.send({ sealed: true }, flip(encodeFrame(message, attachment))),
      frames: (async function* () {
        for await (const { attachment } of channel.frames) yield* decodeFrames(flip(attachment), LEDGER_FRAME_MAX_BYTES)
      })(),
      close: () => channel.close(),
      abort: (error) => {
        channel.abort(error)
      }
    }),
    seal: (gossip) => Promise.resolve(flip(gossip)),
    open: (gossip) => Promise.resolve(gossip[0] === key ? flip(gossip) : null)
  }

  it('is exchanged sealed, over streams and gossip, between those who share it', async () => {
    const relay = await startReplica(network, await network.relay(), { scope: sealed })
    const one = await startReplica(network, await network.client(addressesOf(relay.node)), { scope: sealed })
    const writer = await openFeed(one.ledger)
    await until(() => agree(relay, one), 'both agree over the stream')
    await until(() => subscribersOf(one.node, sealed.topic).size === 1, 'the topic is known')
    const two = await startReplica(network, await network.client(addressesOf(relay.node)), { scope: sealed })
    await until(() => subscribersOf(two.node, sealed.topic).size === 1, 'the topic is known')
    await writer.append('job.cancel', { job })
    await until(() => agree(relay, one, two), 'all agree')
  })

  it('tells outsiders nothing, and takes nothing that is not sealed for it', async () => {
    const relay = await startReplica(network, await network.relay(), { scope: sealed })
    const inside = await startReplica(network, await network.client(addressesOf(relay.node)), { scope: sealed })
    const outside = await startReplica(network, await network.client(addressesOf(relay.node)))
    const heard: Uint8Array[] = []
    followTopic(outside.node, sealed.topic, (data) => {
      heard.push(data)
      return 'accept'
    })
    await until(() => subscribersOf(outside.node, sealed.topic).size === 1, 'the outsider listens')
    await until(() => subscribersOf(relay.node, sealed.topic).size === 2, 'the relay knows')
    const writer = await openFeed(inside.ledger)
    await until(() => agree(relay, inside) && heard.length > 0, 'the members agree, the outsider overhears')
    expect(Buffer.from(heard[0] ?? []).includes(writer.feed.author)).toBe(false)
    await outside.node.services.pubsub.publish(sealed.topic, encodeFrame({ type: 'obey' }))
    await writer.append('job.cancel', { job })
    await until(() => agree(relay, inside), 'the members go on')
    expect([outside.ledger.heads(), relay.provider.stats.offences]).toEqual([[], 0])
  })
})

describe('a hostile peer', () => {
  /** A replica with an honest feed, and updates against that feed which no honest peer can have. */
  async function scene(): Promise<{ relay: Replica; honest: Replica; attacker: PeerNode; hash: string; attacks: [string, Uint8Array][] }> {
    const [relay, honest] = await replicas(1)
    if (honest === undefined) throw new Error('no client')
    const writer = await openFeed(honest.ledger)
    await writer.append('job.cancel', { job })
    await until(() => agree(relay, honest), 'the honest agree')
    const whole = honest.ledger.updateFrom(writer.feed, 0) ?? new Uint8Array(0)
    const frame = (update: Uint8Array): Uint8Array =>
      encodeFrame({ type: 'update', author: writer.feed.author, epoch: writer.feed.epoch }, update)
    const forged = whole.slice()
    forged[forged.length - 40] = (forged[forged.length - 40] ?? 0) ^ 1
    const attacker = await network.client(addressesOf(relay.node))
    return {
      relay,
      honest,
      attacker,
      hash: honest.ledger.foldHash(),
      attacks: [
        ['a delete set', frame(new Uint8Array([0, 1, 5, 1, 0, 2]))],
        ["somebody else's client id", frame(new Uint8Array([1, 1, 7, 0, 3, 1, 4, 102, 101, 101, 100, 1, 1, 0]))],
        ['a changed record', frame(forged)],
        ['noise', frame(crypto.getRandomValues(new Uint8Array(500)))],
        ['a message of no protocol', encodeFrame({ type: 'obey' })]
      ]
    }
  }

  it('is cut off and counted when it sends over a stream what no honest peer has, and changes nothing', async () => {
    const { relay, honest, hash, attacks } = await scene()
    for (const [name, bytes] of attacks) {
      const attacker = await network.client(addressesOf(relay.node))
      const stream = await attacker.dialProtocol(relay.node.peerId, LEDGER_PROTOCOL)
      const before = relay.provider.stats.offences
      stream.send(bytes)
      await until(() => relay.provider.stats.offences === before + 1, `${name} is an offence`)
      await until(
        () => !relay.node.getPeers().some((peer) => peer.equals(attacker.peerId)) || stream.status !== 'open',
        `${name} cuts it off`
      )
    }
    expect([relay.ledger.foldHash(), honest.ledger.foldHash()]).toEqual([hash, hash])
  })

  it('is not talked to again when it comes back', async () => {
    const { relay, attacker, attacks } = await scene()
    const first = attacker.getConnections()[0]?.id
    const stream = await attacker.dialProtocol(relay.node.peerId, LEDGER_PROTOCOL)
    stream.send(attacks[0]?.[1] ?? new Uint8Array(0))
    await until(() => attacker.getConnections().some(({ id, status }) => id !== first && status === 'open'), 'it was cut off and came back')
    const again = await attacker.dialProtocol(relay.node.peerId, LEDGER_PROTOCOL)
    again.addEventListener('message', () => undefined)
    await until(() => again.status !== 'open', 'the new stream is refused')
    expect(relay.provider.stats.offences).toBe(1)
  })

  it('is scored out when it gossips it, while others are heard', async () => {
    const { relay, honest, attacker, hash, attacks } = await scene()
    followTopic(attacker, LEDGER_TOPIC, () => 'accept')
    await until(() => subscribersOf(attacker, LEDGER_TOPIC).size === 1, 'it knows the relay')
    for (const [, bytes] of attacks) await attacker.services.pubsub.publish(LEDGER_TOPIC, bytes)
    await until(() => relay.provider.stats.offences >= 3, 'the relay counts')

    expect([relay.ledger.foldHash(), honest.ledger.foldHash()]).toEqual([hash, hash])

    const evil = createLedger({ now: () => 1, store: memoryLedgerStore() })
    const writer = await openFeed(honest.ledger)
    // gossipsub believes a peer for a second at a time: at first, valid records of the liar may still be taken
    const feeds: FeedWriter['feed'][] = []
    const ignored = (): boolean => feeds.length > 5 && feeds.slice(-5).every((feed) => relay.ledger.entries(feed).length === 0)
    while (!ignored()) {
      expect(feeds.length).toBeLessThan(500)
      const { feed } = await openFeed(evil)
      feeds.push(feed)
      await attacker.services.pubsub.publish(
        LEDGER_TOPIC,
        encodeFrame({ type: 'update', author: feed.author, epoch: 0 }, evil.updateFrom(feed, 0) ?? new Uint8Array(0))
      )
      await writer.append('job.cancel', { job })
      await until(() => relay.ledger.entries(writer.feed).length === feeds.length + 1, 'the honest peer is heard')
    }
    evil.close()
  })
})
