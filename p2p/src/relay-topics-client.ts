/** The client's side of `/peercompute/topic/1`: every relay that it meets is asked to forward the topics, and again when it is back. */
import { TOPIC_FRAME_MAX_BYTES, TOPIC_PROTOCOL, topicAnswerSchema, type TopicRefusal } from '@peercompute/job-specs/protocol'
import { openChannel } from './channels.ts'
import { backoffDelay } from './time/backoff.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { sleep } from './time/sleep.ts'
import { DIAL_TIMEOUT_MS, REDIAL_BASE_MS, REDIAL_CAP_MS } from './settings.ts'
import type { PeerNode } from './gossip.ts'

/** What a relay said last: `forwarded`, or why not; `unreachable` when it said nothing. */
export type TopicState = 'forwarded' | 'unreachable' | TopicRefusal

export interface RegisterTopicsOptions {
  readonly clock?: Clock
  readonly random?: Random
  readonly onState?: (relay: string, state: TopicState) => void
}

export interface TopicRegistration {
  /** By PeerId of the relay. */
  readonly states: ReadonlyMap<string, TopicState>
  stop(): void
}

/** A refusal is asked about again like a lost relay: full jitter, capped at 10 s, for ever; room may have been made. */
export async function registerTopics(
  node: PeerNode,
  topics: readonly string[],
  { clock = systemClock, random = Math.random, onState }: RegisterTopicsOptions = {}
): Promise<TopicRegistration> {
  const states = new Map<string, TopicState>()
  const stopping = new AbortController()
  const asking = new Set<string>()

  function enter(relay: string, state: TopicState): void {
    states.set(relay, state)
    onState?.(relay, state)
  }

  /** Resolves when the relay has let go of the topics. */
  async function hold(relay: string): Promise<'refused' | 'lost'> {
    const channel = await openChannel(node, relay, TOPIC_PROTOCOL, {
      limit: TOPIC_FRAME_MAX_BYTES,
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
      overRelay: false
    })
    const close = (): void => void channel.close()
    stopping.signal.addEventListener('abort', close, { once: true })
    try {
      for (const topic of topics) await channel.send({ type: 'register', topic })
      let registered = 0
      for await (const { message } of channel.frames) {
        const answer = topicAnswerSchema.parse(message)
        if (answer.type === 'refused') {
          enter(relay, answer.reason)
          return 'refused'
        }
        registered += 1
        if (registered === topics.length) enter(relay, 'forwarded')
      }
      return 'lost'
    } finally {
      stopping.signal.removeEventListener('abort', close)
      close()
    }
  }

  async function keep(relay: string): Promise<void> {
    if (asking.has(relay)) return
    asking.add(relay)
    try {
      for (let attempt = 0; isConnected(relay); attempt++) {
        const outcome = await hold(relay).catch(() => 'lost' as const)
        if (outcome === 'lost') enter(relay, 'unreachable')
        await sleep(clock, backoffDelay({ baseMs: REDIAL_BASE_MS, capMs: REDIAL_CAP_MS }, attempt, random), stopping.signal)
      }
    } catch {
      // stopped
    } finally {
      asking.delete(relay)
    }
  }

  function isConnected(relay: string): boolean {
    return node.getConnections().some(({ remotePeer, status }) => status === 'open' && remotePeer.toString() === relay)
  }

  const topology = await node.register(TOPIC_PROTOCOL, {
    onConnect: (peer) => void keep(peer.toString()),
    onDisconnect: (peer) => void states.delete(peer.toString())
  })
  // relays that were there before
  for (const { remotePeer } of node.getConnections()) {
    const known = await node.peerStore.get(remotePeer).catch(() => undefined)
    if (known?.protocols.includes(TOPIC_PROTOCOL) === true) void keep(remotePeer.toString())
  }

  return {
    states,
    stop() {
      node.unregister(topology)
      stopping.abort()
    }
  }
}
