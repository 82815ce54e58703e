/** Gossip as the rest of the platform sees it. No other module names gossipsub. */
import { TopicValidatorResult, type GossipSub } from '@libp2p/gossipsub'
import type { Libp2p } from '@libp2p/interface'

export interface PeerServices extends Record<string, unknown> {
  readonly pubsub: GossipSub
}
/** A started node of either kind. */
export type PeerNode = Libp2p<PeerServices>

/** `reject`: provably wrong, the sender pays. `ignore`: not forwarded, nobody pays. */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** `source` is the PeerId that handed the message over, not necessarily its author. Must answer within about 100 ms. */
export type GossipValidator = (data: Uint8Array, source: string) => Verdict | Promise<Verdict>

const RESULTS = { accept: TopicValidatorResult.Accept, ignore: TopicValidatorResult.Ignore, reject: TopicValidatorResult.Reject } as const

/** Subscribes, and lets through only what `validate` accepts. Returns the function that leaves the topic. */
export function followTopic(node: PeerNode, topic: string, validate: GossipValidator): () => void {
  const { pubsub } = node.services
  const before = pubsub.topicValidators.get(topic)
  pubsub.topicValidators.set(topic, async (source, message) => RESULTS[await validate(message.data, source.toString())])
  pubsub.subscribe(topic)
  return () => {
    if (before === undefined) {
      pubsub.topicValidators.delete(topic)
      pubsub.unsubscribe(topic)
    } else {
      pubsub.topicValidators.set(topic, before)
    }
  }
}

/** PeerIds of the direct neighbours that were handed the message; none when it could not be sent. */
export async function publishTo(node: PeerNode, topic: string, data: Uint8Array): Promise<ReadonlySet<string>> {
  try {
    const { recipients } = await node.services.pubsub.publish(topic, data)
    return new Set(recipients.map(String))
  } catch {
    return new Set()
  }
}

/** A validator that knows only a size. */
export function atMost(bytes: number): GossipValidator {
  return (data) => (data.length > bytes ? 'reject' : 'accept')
}

/** PeerIds of the direct neighbours that follow the topic. */
export function subscribersOf(node: PeerNode, topic: string): ReadonlySet<string> {
  return new Set(node.services.pubsub.getSubscribers(topic).map(String))
}
