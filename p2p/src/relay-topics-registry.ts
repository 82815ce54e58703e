/** Which topics a relay follows, and for whom: at most a few for each client, and so many in all. */
import { TOPICS_PER_CLIENT_MAX, TOPICS_PER_RELAY_MAX, type TopicAnswer } from '@peercompute/job-specs/protocol'

export interface TopicRegistry {
  /** Topics that are followed. */
  readonly size: number
  /** Each registration is ended by one `leave`: a client may hold a topic on two streams. */
  register(client: string, topic: string): TopicAnswer
  leave(client: string, topic: string): void
  clear(): void
}

interface FollowedTopic {
  readonly leave: () => void
  /** Registrations, by client. */
  readonly clients: Map<string, number>
}

/** `follow` begins to forward a topic and returns the function that ends it. */
export function createTopicRegistry(follow: (topic: string) => () => void): TopicRegistry {
  const followed = new Map<string, FollowedTopic>()

  function refusal(client: string, topic: string): TopicAnswer | null {
    const known = followed.get(topic)
    if (known?.clients.has(client) === true) return null
    const held = [...followed.values()].filter(({ clients }) => clients.has(client)).length
    if (held >= TOPICS_PER_CLIENT_MAX) return { type: 'refused', reason: 'client-full' }
    return known === undefined && followed.size >= TOPICS_PER_RELAY_MAX ? { type: 'refused', reason: 'relay-full' } : null
  }

  return {
    get size() {
      return followed.size
    },
    register(client, topic) {
      const refused = refusal(client, topic)
      if (refused !== null) return refused
      const entry = followed.get(topic) ?? { leave: follow(topic), clients: new Map<string, number>() }
      entry.clients.set(client, (entry.clients.get(client) ?? 0) + 1)
      followed.set(topic, entry)
      return { type: 'registered' }
    },
    leave(client, topic) {
      const entry = followed.get(topic)
      const held = entry?.clients.get(client)
      if (entry === undefined || held === undefined) return
      if (held > 1) entry.clients.set(client, held - 1)
      else entry.clients.delete(client)
      if (entry.clients.size > 0) return
      followed.delete(topic)
      entry.leave()
    },
    clear() {
      for (const entry of followed.values()) entry.leave()
      followed.clear()
    }
  }
}
