/** Gossip as the rest of the platform sees it. No other module names gossipsub. */
import { TopicValidatorResult, type GossipSub, type MeshPeer } from '@libp2p/gossipsub'
import type { Libp2p, PeerId } from '@libp2p/interface'

export interface PeerServices extends Record<string, unknown> {
  readonly pubsub: GossipSub
}
/** A started node of either kind. */
export type PeerNode = Libp2p<PeerServices>

/** `reject`: provably wrong, the sender pays. `ignore`: not forwarded, nobody pays. */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** `source`: the PeerId that handed the message over. `author`: the PeerId that signed it. Must answer within about 100 ms. */
export type GossipValidator = (data: Uint8Array, source: string, author: string) => Verdict | Promise<Verdict>

const RESULTS = { accept: TopicValidatorResult.Accept, ignore: TopicValidatorResult.Ignore, reject: TopicValidatorResult.Reject } as const

/** Subscribes, and lets through only what `validate` accepts. Returns the function that leaves the topic. */
export function followTopic(node: PeerNode, topic: string, validate: GossipValidator): () => void {
  const { pubsub } = node.services
  const before = pubsub.topicValidators.get(topic)
  pubsub.topicValidators.set(topic, async (source, message) => {
    const author = message.type === 'signed' ? message.from.toString() : ''
    return RESULTS[await validate(message.data, source.toString(), author)]
  })
  pubsub.subscribe(topic)
  return () => {
    if (before === undefined) {
      pubsub.topicValidators.delete(topic)
      // a node that has stopped follows nothing
      if (node.status === 'started') pubsub.unsubscribe(topic)
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

export interface MeshWatch {
  /** PeerIds to which messages of the topic are passed on unasked. */
  of(topic: string): ReadonlySet<string>
  stop(): void
}

/** gossipsub tells of its mesh by events only, and says nothing when a peer leaves. Call it before the first connection. */
export function watchMeshes(node: PeerNode, onChange: () => void = () => undefined): MeshWatch {
  const { pubsub } = node.services
  const meshes = new Map<string, Set<string>>()
  const onGraft = ({ detail: { topic, peerId } }: CustomEvent<MeshPeer>): void => {
    meshes.set(topic, (meshes.get(topic) ?? new Set()).add(peerId))
    onChange()
  }
  const onPrune = ({ detail: { topic, peerId } }: CustomEvent<MeshPeer>): void => {
    meshes.get(topic)?.delete(peerId)
    onChange()
  }
  const onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
    for (const mesh of meshes.values()) mesh.delete(detail.toString())
  }
  pubsub.addEventListener('gossipsub:graft', onGraft)
  pubsub.addEventListener('gossipsub:prune', onPrune)
  node.addEventListener('peer:disconnect', onDisconnect)
  return {
    of: (topic) => new Set(meshes.get(topic)),
    stop() {
      pubsub.removeEventListener('gossipsub:graft', onGraft)
      pubsub.removeEventListener('gossipsub:prune', onPrune)
      node.removeEventListener('peer:disconnect', onDisconnect)
    }
  }
}
