import { GOSSIP_MAX_BYTES, TOPIC_FRAME_MAX_BYTES, TOPIC_PROTOCOL, TOPICS_PER_CLIENT_MAX } from '@peercompute/job-specs/protocol'
import { toHex } from '@peercompute/job-specs'
import { afterEach, describe, expect, it } from 'vitest'
import { openChannel } from './channels.ts'
import type { FrameChannel } from './frame-channel.ts'
import { followTopic, publishTo, subscribersOf, type PeerNode, type Verdict } from './gossip.ts'
import { registerTopics } from './relay-topics-client.ts'
import { openBytes, sealBytes } from './sealed-bytes.ts'
import { serveTopics } from './relay-topics.ts'
import { REGISTER_AGAIN_MS } from './settings.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

function topicOf(number: number): string {
  return `peercompute/room/${number.toString(16).padStart(64, '0')}`
}

async function ask(client: PeerNode, relay: { peerId: { toString(): string } }): Promise<(topic: string) => Promise<unknown>> {
  const signal = AbortSignal.timeout(10_000)
  const channel: FrameChannel = await openChannel(client, relay.peerId.toString(), TOPIC_PROTOCOL, { limit: TOPIC_FRAME_MAX_BYTES, signal })
  const reader = channel.frames[Symbol.asyncIterator]()
  network.after(() => channel.close())
  return async (topic) => {
    await channel.send({ type: 'register', topic })
    const next = await reader.next()
    return next.done === true ? 'ended' : next.value.message
  }
}

describe('topics on request', () => {
  it('are registered at once as many as a client may hold; whoever goes on asking is read slowly', async () => {
    const relay = await network.relay()
    const client = await network.client(addressesOf(relay))
    const clock = createFakeClock()
    await relay.unhandle(TOPIC_PROTOCOL)
    const topics = await serveTopics(relay, clock)
    network.after(() => topics.stop())
    const channel = await openChannel(client, relay.peerId.toString(), TOPIC_PROTOCOL, {
      limit: TOPIC_FRAME_MAX_BYTES,
      signal: AbortSignal.timeout(10_000)
    })
    let answers = 0
    void (async () => {
      for await (const _frame of channel.frames) answers += 1
    })().catch(() => undefined)
    for (let asked = 0; asked < 100; asked++) await channel.send({ type: 'register', topic: topicOf(1) })
    await until(() => answers === TOPICS_PER_CLIENT_MAX, 'the first answers')
    // a round trip on the same connection, so that more answers would have come
    await (
      await ask(client, relay)
    )(topicOf(1))
    expect(answers).toBe(TOPICS_PER_CLIENT_MAX)
    clock.advance(REGISTER_AGAIN_MS)
    await until(() => answers > TOPICS_PER_CLIENT_MAX, 'one more')
    await channel.close()
  })

  it('are forwarded between members; an outsider who follows them gets only ciphertext', async () => {
    const relay = await network.relay()
    const [one, other, outsider] = await Promise.all([1, 2, 3].map(() => network.client(addressesOf(relay))))
    if (one === undefined || other === undefined || outsider === undefined) throw new Error('no clients')
    const topic = topicOf(1)
    const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
    const heard: string[] = []
    const overheard: Uint8Array[] = []
    followTopic(one, topic, () => 'accept')
    followTopic(other, topic, async (data): Promise<Verdict> => {
      const plain = await openBytes(key, topic, data)
      if (plain !== null) heard.push(new TextDecoder().decode(plain))
      return 'accept'
    })
    followTopic(outsider, topic, (data) => {
      overheard.push(data)
      return 'accept'
    })
    const registrations = await Promise.all([one, other].map((member) => registerTopics(member, [topic])))
    for (const registration of registrations)
      network.after(() => {
        registration.stop()
      })
    await until(() => registrations.every(({ states }) => [...states.values()].includes('forwarded')), 'the relay forwards')
    await until(() => subscribersOf(one, topic).has(relay.peerId.toString()), 'the relay is known to follow')
    const message = 'nobody else reads this'
    await until(async () => {
      await publishTo(one, topic, await sealBytes(key, topic, new TextEncoder().encode(message)))
      return heard.length > 0 && overheard.length > 0
    }, 'member and outsider hear it')
    expect(heard[0]).toBe(message)
    for (const data of overheard) {
      expect(new TextDecoder('latin1').decode(data)).not.toContain(message)
      expect(toHex(data)).not.toContain(toHex(new TextEncoder().encode(message)))
    }
  })

  it('are held to a size', async () => {
    const relay = await network.relay()
    const client = await network.client(addressesOf(relay))
    const register = await ask(client, relay)
    const topic = topicOf(1)
    expect(await register(topic)).toEqual({ type: 'registered' })
    const gate = relay.services.pubsub.topicValidators.get(topic)
    const message = (bytes: number) => ({ type: 'unsigned' as const, topic, data: new Uint8Array(bytes) })
    expect(await gate?.(client.peerId, message(GOSSIP_MAX_BYTES))).toBe('accept')
    expect(await gate?.(client.peerId, message(GOSSIP_MAX_BYTES + 1))).toBe('reject')
  })

  it.each(['peercompute/ledger/1', 'peercompute/room/xyz', `peercompute/room/${'A'.repeat(64)}`, ''])(
    'are only those of rooms, not "%s"',
    async (topic) => {
      const relay = await network.relay()
      const before = relay.services.pubsub.getTopics()
      const register = await ask(await network.client(addressesOf(relay)), relay)
      expect(await register(topic)).toEqual({ type: 'refused', reason: 'topic-invalid' })
      expect(relay.services.pubsub.getTopics()).toEqual(before)
    }
  )

  it('are capped for each client, on however many streams', async () => {
    const relay = await network.relay()
    const client = await network.client(addressesOf(relay))
    const [first, second] = [await ask(client, relay), await ask(client, relay)]
    for (let number = 0; number < TOPICS_PER_CLIENT_MAX; number++)
      expect(await (number % 2 === 0 ? first : second)(topicOf(number))).toEqual({ type: 'registered' })
    expect(await first(topicOf(99))).toEqual({ type: 'refused', reason: 'client-full' })
    expect(await second(topicOf(0)), 'what it holds already').toEqual({ type: 'registered' })
    const other = await ask(await network.client(addressesOf(relay)), relay)
    expect(await other(topicOf(99))).toEqual({ type: 'registered' })
  })

  it('leave with the connection', async () => {
    const relay = await network.relay()
    const [one, other] = await Promise.all([1, 2].map(() => network.client(addressesOf(relay))))
    if (one === undefined || other === undefined) throw new Error('no clients')
    const followed = (number: number) => relay.services.pubsub.getTopics().includes(topicOf(number))
    const [first, second] = [await ask(one, relay), await ask(other, relay)]
    await first(topicOf(1))
    await first(topicOf(2))
    await second(topicOf(2))
    expect([followed(1), followed(2)]).toEqual([true, true])
    await one.stop()
    await until(() => !followed(1), 'its topic is left')
    expect(followed(2), 'another holds it').toBe(true)
    await other.stop()
    await until(() => !followed(2), 'nobody holds it')
  })

  it('are asked for again when the relay is back', async () => {
    const relay = await network.relay()
    const client = await network.client(addressesOf(relay))
    const registration = await registerTopics(client, [topicOf(1), topicOf(2)])
    network.after(() => {
      registration.stop()
    })
    const forwarded = () => relay.services.pubsub.getTopics().includes(topicOf(2))
    await until(forwarded, 'the relay follows')
    await Promise.all(relay.getConnections().map((connection) => connection.close()))
    await until(() => !forwarded(), 'the relay has let go')
    await until(forwarded, 'the relay follows again')
    // The relay follows before its answer has come.
    await until(() => registration.states.get(relay.peerId.toString()) === 'forwarded', 'the client has heard it')
    expect(registration.states.size).toBe(1)
  })

  it('say why when they are refused', async () => {
    const relay = await network.relay()
    const client = await network.client(addressesOf(relay))
    const registration = await registerTopics(client, [1, 2, 3, 4, 5].map(topicOf))
    network.after(() => {
      registration.stop()
    })
    await until(() => [...registration.states.values()].includes('client-full'), 'the cap is met')
  })
})
