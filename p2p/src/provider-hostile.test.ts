/** The crafted attacks against live replicas, over streams and by gossip. */
import { generateKeyPair } from '@peercompute/job-specs'
import { encodeFrame, LEDGER_PROTOCOL, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { attacksOn, mutated, randomOf, type Attack } from '@peercompute/ledger/testing'
import { afterEach, expect, it } from 'vitest'
import { followTopic, subscribersOf, type PeerNode } from './gossip.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { agree, openFeed, someJob, startReplicas, type Replica } from './testing/replicas.ts'
import { until } from './testing/until.ts'
import { isOffence } from './refusals.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

interface Scene {
  readonly relay: Replica
  readonly honest: Replica
  readonly hash: string
  readonly attacks: readonly Attack[]
  /** The honest go on as if nothing had happened. */
  readonly goesOn: () => Promise<void>
}

async function scene(): Promise<Scene> {
  const [relay, honest] = await startReplicas(network, 1)
  if (honest === undefined) throw new Error('no client')
  const writer = await openFeed(honest.ledger)
  await writer.append('job.cancel', { job: someJob })
  await until(() => agree(relay, honest), 'the honest agree')
  const { feed } = writer
  const hash = honest.ledger.covers()[0]?.hash ?? ''
  return {
    relay,
    honest,
    hash: honest.ledger.foldHash(),
    attacks: await attacksOn({ feed, length: 2, hash }, await generateKeyPair({ extractable: false })),
    async goesOn() {
      await writer.append('job.cancel', { job: someJob })
      await until(() => agree(relay, honest) && relay.ledger.entries(feed).length === 3, 'the honest go on')
    }
  }
}

/** What gossipsub thinks of a peer. Its public type leaves the method out. */
function scoreOf(node: PeerNode, peer: PeerNode): number {
  const pubsub = node.services.pubsub as PeerNode['services']['pubsub'] & { getScore(peer: string): number }
  return pubsub.getScore(peer.peerId.toString())
}

function frameOf({ feed, update }: Attack): Uint8Array {
  return encodeFrame({ type: 'update', author: feed.author, epoch: feed.epoch }, update)
}

it('refuses each attack over a stream, cuts off who only a liar can be, and stays what it was', { timeout: 60_000 }, async () => {
  const { relay, honest, hash, attacks, goesOn } = await scene()
  for (const attack of attacks) {
    const { offences, refused } = relay.provider.stats
    const attacker = await network.client(addressesOf(relay.node))
    const stream = await attacker.dialProtocol(relay.node.peerId, LEDGER_PROTOCOL)
    stream.send(frameOf(attack))
    await until(
      () => (relay.provider.stats.refused[attack.refusal] ?? 0) > (refused[attack.refusal] ?? 0),
      `${attack.name} is refused as ${attack.refusal}`
    )
    if (isOffence(attack.refusal)) {
      await until(() => relay.provider.stats.offences === offences + 1, `${attack.name} is an offence`)
      await until(() => stream.status !== 'open', `${attack.name} is cut off`)
    } else {
      expect(stream.status).toBe('open')
    }
    await attacker.stop()
  }
  expect([relay.ledger.foldHash(), honest.ledger.foldHash()]).toEqual([hash, hash])
  await goesOn()
})

it('refuses each attack by gossip, passes none on, and holds it against the sender', { timeout: 60_000 }, async () => {
  const { relay, honest, hash, attacks, goesOn } = await scene()
  for (const attack of attacks) {
    const { offences, refused } = relay.provider.stats
    const attacker = await network.client(addressesOf(relay.node))
    followTopic(attacker, LEDGER_TOPIC, () => 'accept')
    await until(() => subscribersOf(attacker, LEDGER_TOPIC).size === 1, 'it knows the relay')
    const frame = frameOf(attack)
    await attacker.services.pubsub.publish(LEDGER_TOPIC, frame).catch(() => undefined)
    if (frame.length > 65_536) {
      // larger than gossip carries: the sender's own gossipsub may drop it, and the relay's certainly does
      await attacker.stop()
      continue
    }
    await until(
      () => (relay.provider.stats.refused[attack.refusal] ?? 0) > (refused[attack.refusal] ?? 0),
      `${attack.name} is refused as ${attack.refusal}`
    )
    expect(relay.provider.stats.offences).toBe(offences + (isOffence(attack.refusal) ? 1 : 0))
    if (isOffence(attack.refusal)) await until(() => scoreOf(relay.node, attacker) < 0, `${attack.name} costs its sender`)
    await attacker.stop()
  }
  expect(honest.provider.stats.refused).toEqual({})
  expect([relay.ledger.foldHash(), honest.ledger.foldHash()]).toEqual([hash, hash])
  await goesOn()
})

it('survives a hundred peers that send mutated frames, and bans those that it can prove', { timeout: 120_000 }, async () => {
  const { relay, honest, hash, attacks, goesOn } = await scene()
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  console.log(`fuzz of live ledger streams: seed ${String(seed)}, again with FUZZ_SEED=${String(seed)}`)
  const random = randomOf(seed)
  const [head] = honest.ledger.heads()
  if (head === undefined) throw new Error('no feed')
  const sources = [
    encodeFrame({ type: 'heads', feeds: honest.ledger.heads() }),
    encodeFrame({ type: 'want', author: head.author, epoch: head.epoch, from: 0 }),
    encodeFrame({ type: 'update', author: head.author, epoch: head.epoch }, honest.ledger.updateFrom(head, 0) ?? new Uint8Array(0)),
    ...attacks.slice(0, 3).map(frameOf)
  ]
  const attacker = await network.client(addressesOf(relay.node))
  for (let round = 0; round < 100; round++) {
    const liar = await startLiar()
    for (let i = 0; i < 20; i++)
      liar.send(mutated(sources[Math.floor(random() * sources.length)] ?? sources[0] ?? new Uint8Array(8), random))
    liar.end()
  }
  async function startLiar(): Promise<{ send(bytes: Uint8Array): void; end(): void }> {
    try {
      const stream = await attacker.dialProtocol(relay.node.peerId, LEDGER_PROTOCOL)
      stream.addEventListener('message', () => undefined)
      return {
        send: (bytes) => {
          if (stream.status === 'open') stream.send(bytes)
        },
        end: () => {
          stream.abort(new Error('done'))
        }
      }
    } catch {
      // cut off and banned: it knocks in vain
      return { send: () => undefined, end: () => undefined }
    }
  }
  await until(() => relay.provider.stats.offences > 0, 'it is found out')
  expect([relay.ledger.foldHash(), honest.ledger.foldHash()]).toEqual([hash, hash])
  await goesOn()
})
