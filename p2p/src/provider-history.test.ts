/** What newcomers are spared, and how a fork becomes known: real nodes on loopback. */
import {
  generateKeyPair,
  jobIdOf,
  jobSpecSchema,
  signSpec,
  type ContentHash,
  type JobId,
  type KeyPair,
  type RootId
} from '@peercompute/job-specs'
import { decodeFrames, encodeFrame, LEDGER_FRAME_MAX_BYTES, LEDGER_PROTOCOL } from '@peercompute/job-specs/protocol'
import {
  createLedger,
  memoryLedgerStore,
  snapshotOf,
  writeCheckpoint,
  type EquivocationProof,
  type FeedWriter,
  type Ledger
} from '@peercompute/ledger'
import { afterEach, describe, expect, it } from 'vitest'
import { CATCH_UP_MS } from './ledger-catch-up.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { agree, openCoordinatorFeed, openFeed, someJob, startReplica, startReplicas, type Replica } from './testing/replicas.ts'
import { until } from './testing/until.ts'
import type { PeerNode } from './gossip.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const digest = '1'.repeat(64) as ContentHash

interface Scene {
  readonly rootKey: KeyPair
  readonly root: RootId
  readonly relay: Replica
  readonly coordinator: FeedWriter
}

/** A relay that is a coordinator with a thousand settlements behind it. */
async function scene(): Promise<Scene> {
  const rootKey = await generateKeyPair({ extractable: false })
  const root = rootKey.publicKey as RootId
  const [relay] = await startReplicas(network, 0, { root })
  const coordinator = await openCoordinatorFeed(relay.ledger, rootKey)
  const author = await generateKeyPair({ extractable: false })
  const signed = await signSpec(author, spec())
  const job = jobIdOf(signed.author, signed.spec)
  await coordinator.append('job.admit', { job, signed, custodial: false })
  await Promise.all(
    Array.from({ length: 1_000 }, (_, start) => coordinator.append('units.settle', { job, start, count: 1, digest, independence: 'host' }))
  )
  return { rootKey, root, relay, coordinator }
}

async function sumUp({ relay, coordinator, root }: Scene): Promise<void> {
  await writeCheckpoint(relay.ledger, coordinator, snapshotOf(relay.fold.state(), relay.ledger.covers(), root))
}

function spec() {
  return jobSpecSchema.parse({
    v: 1,
    name: 'counted',
    title: 'counted',
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'n-queens', abi: 1, js: { blob: { sha256: '0'.repeat(64), bytes: 1, chunkBytes: 262_144 } } },
    params: {},
    unitCount: 2_000,
    inputs: [],
    outputs: [{ name: 'count', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 10, outputBytes: 1024, memoryBytes: 1_048_576 },
    unitOperations: 1000
  })
}

/** Speaks the protocol by hand: what it hears is collected, what it says is up to the test. */
async function speaker(
  node: PeerNode,
  to: PeerNode
): Promise<{ said: () => string[]; say: (frame: Uint8Array) => void; open: () => boolean }> {
  const stream = await node.dialProtocol(to.peerId, LEDGER_PROTOCOL)
  let bytes = Buffer.alloc(0)
  stream.addEventListener('message', ({ data }) => {
    bytes = Buffer.concat([bytes, data.subarray()])
  })
  return {
    said: () => {
      try {
        return decodeFrames(bytes, LEDGER_FRAME_MAX_BYTES).map(({ message }) => (message as { type: string }).type)
      } catch {
        return []
      }
    },
    say: (frame) => {
      stream.send(frame)
    },
    open: () => stream.status === 'open'
  }
}

describe('a newcomer', () => {
  it('takes the checkpoint and what follows it, and none of the history', async () => {
    const all = await scene()
    await sumUp(all)
    const late = await startReplica(network, await network.client(addressesOf(all.relay.node)), { root: all.root })
    await until(() => late.fold.stateHash() === all.relay.fold.stateHash() && late.ledger.checkpoint() !== null, 'it says the same')
    expect(late.provider.stats).toMatchObject({ records: 2, refused: {} })
    expect([...late.fold.state().jobs.values()].map(({ settled }) => settled.length)).toEqual([1_000])
  })

  it('hands on what it was given: the next one starts from it, too', async () => {
    const all = await scene()
    await sumUp(all)
    const helper = await startReplica(network, await network.relay(), { root: all.root })
    const late = await startReplica(network, await network.client([...addressesOf(all.relay.node)]), { root: all.root })
    await until(() => late.ledger.checkpoint() !== null, 'the first newcomer has it')
    await all.relay.provider.stop()
    await all.relay.node.stop()
    await late.node.dial(helper.node.getMultiaddrs())
    await until(() => helper.ledger.checkpoint()?.sha256 === late.ledger.checkpoint()?.sha256, 'the second has it from the first')
    expect(helper.fold.stateHash()).toBe(late.fold.stateHash())
  })

  it('asks for everything when the snapshot does not come in time', async () => {
    const all = await scene()
    const history = await startReplica(network, await network.client(addressesOf(all.relay.node)))
    await until(() => agree(all.relay, history), 'a peer holds the history')
    await sumUp(all)
    const held = all.relay.ledger.checkpoint()
    if (held === null) throw new Error('no checkpoint')
    await until(() => history.ledger.entries(held.feed).length === 2, 'it holds the checkpoint record, not the snapshot')
    await all.relay.provider.stop()

    // a peer that promises a snapshot and never sends it
    const clock = createFakeClock()
    const node = await network.relay()
    const late = await startReplica(network, node, { root: all.root, clock })
    const promising = await network.client(addressesOf(node))
    const { say, said } = await speaker(promising, node)
    const first = history.ledger.updateFrom(held.feed, 0) ?? new Uint8Array(0)
    const old = history.ledger.heads().find(({ author, epoch }) => author === held.feed.author && epoch !== held.feed.epoch)
    if (old === undefined) throw new Error('no history')
    say(encodeFrame({ type: 'heads', feeds: [old, { ...held.feed, length: 2 }], checkpoint: { ...held.feed, snapshot: held.sha256 } }))
    await until(() => said().includes('want'), 'it asks for the checkpoint')
    say(encodeFrame({ type: 'update', ...held.feed }, first))
    await until(() => said().includes('want-snapshot'), 'it asks for the snapshot')
    expect(said().filter((type) => type === 'want')).toHaveLength(1)
    clock.advance(CATCH_UP_MS)
    await until(() => said().filter((type) => type === 'want').length === 2, 'it asks for the history')
    say(encodeFrame({ type: 'update', author: old.author, epoch: old.epoch }, history.ledger.updateFrom(old, 0) ?? new Uint8Array(0)))
    await until(() => late.ledger.entries(old).length === old.length, 'it has the history')
  })

  it('cuts off who sends a snapshot unasked, or another than was asked for', async () => {
    const all = await scene()
    await sumUp(all)
    const held = all.relay.ledger.checkpoint()
    if (held === null) throw new Error('no checkpoint')
    const node = await network.relay()
    const late = await startReplica(network, node, { root: all.root })
    const unasked = await speaker(await network.client(addressesOf(node)), node)
    unasked.say(encodeFrame({ type: 'snapshot', sha256: held.sha256 }, held.encoded))
    await until(() => late.provider.stats.offences === 1, 'it was not asked for')

    const liar = await speaker(await network.client(addressesOf(node)), node)
    const first = all.relay.ledger.updateFrom(held.feed, 0) ?? new Uint8Array(0)
    liar.say(encodeFrame({ type: 'heads', feeds: [], checkpoint: { ...held.feed, snapshot: held.sha256 } }))
    liar.say(encodeFrame({ type: 'update', ...held.feed }, first))
    await until(() => liar.said().includes('want-snapshot'), 'it asks')
    liar.say(
      encodeFrame(
        { type: 'snapshot', sha256: held.sha256 },
        held.encoded.map((byte, i) => (i === 50 ? byte ^ 1 : byte))
      )
    )
    await until(() => late.provider.stats.offences === 2, 'the bytes are others')
    expect(late.ledger.checkpoint()).toBeNull()
  })
})

describe('a fork', () => {
  /** One continuation of a feed, and the proof that there is another. */
  async function forked(): Promise<{ writer: FeedWriter; source: Ledger; proof: EquivocationProof }> {
    const author = await generateKeyPair({ extractable: false })
    const source = createLedger({ now: () => 1, store: memoryLedgerStore() })
    const writer = await openFeed(source, author)
    const restored = memoryLedgerStore()
    await restored.save(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    await writer.append('job.cancel', { job: someJob })
    const twin = createLedger({ now: () => 1, store: restored })
    await twin.writer(author).append('job.cancel', { job: 'f'.repeat(64) as JobId })
    const admission = await twin.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    twin.close()
    if (admission.applied || admission.proof === undefined) throw new Error('no fork')
    return { writer, source, proof: admission.proof }
  }

  it('becomes known to all who hold the feed, and all keep the same part of it', async () => {
    const all = await startReplicas(network, 3)
    const [relay, one] = all
    if (one === undefined) throw new Error('no client')
    const { writer, source, proof } = await forked()
    await one.ledger.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    one.provider.sync()
    await until(() => agree(...all), 'all hold the first branch')
    expect(await relay.ledger.learnFork(proof)).toBe('new')
    await until(() => all.every(({ ledger }) => ledger.fork(writer.feed) !== null), 'all know')
    expect(all.map(({ ledger }) => ledger.entries(writer.feed).length)).toEqual([1, 1, 1, 1])
    expect(agree(...all)).toBe(true)
    // the feed only: its author may go on in another epoch
    await writer.nextEpoch()
    await writer.append('job.cancel', { job: someJob })
    await one.ledger.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    one.provider.sync()
    await until(() => all.every(({ ledger }) => ledger.entries(writer.feed).length === 2), 'the next epoch is taken')
    source.close()
  })

  it('is told to a latecomer that holds the other branch', async () => {
    const relay = await startReplica(network, await network.relay())
    const { writer, source, proof } = await forked()
    await relay.ledger.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    await relay.ledger.learnFork(proof)
    const node = await network.client(addressesOf(await network.relay()))
    const late = await startReplica(network, node)
    await late.ledger.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    await node.dial(relay.node.getMultiaddrs())
    await until(() => late.ledger.fork(writer.feed) !== null, 'it is told')
    expect(agree(relay, late)).toBe(true)
    expect([relay.provider.stats.offences, late.provider.stats.offences]).toEqual([0, 0])
    source.close()
  })

  it('cannot be invented: a proof that proves nothing costs its sender the connection', async () => {
    const relay = await startReplica(network, await network.relay())
    const { writer, source, proof } = await forked()
    await relay.ledger.admit(writer.feed, source.updateFrom(writer.feed, 0) ?? new Uint8Array(0))
    const message = { type: 'fork', ...writer.feed, seq: 1, heldBytes: proof.held.length }
    const forgeries = [
      encodeFrame(message, Buffer.concat([proof.held, proof.held])),
      encodeFrame(message, Buffer.concat([proof.held, proof.met.map((byte, i) => (i === 3 ? byte ^ 1 : byte))])),
      encodeFrame(message, proof.held)
    ]
    for (const [index, forgery] of forgeries.entries()) {
      const liar = await speaker(await network.client(addressesOf(relay.node)), relay.node)
      liar.say(forgery)
      await until(() => relay.provider.stats.offences === index + 1, 'it is an offence')
    }
    expect([relay.ledger.fork(writer.feed), relay.ledger.entries(writer.feed).length]).toEqual([null, 2])
    source.close()
  })
})
