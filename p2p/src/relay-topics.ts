/** The relay's side of `/peercompute/topic/1`: it follows what its clients ask for, as long as they are there. */
import {
  GOSSIP_MAX_BYTES,
  TOPIC_FRAME_MAX_BYTES,
  TOPIC_PROTOCOL,
  topicRequestSchema,
  TOPICS_PER_CLIENT_MAX,
  type TopicAnswer
} from '@peercompute/job-specs/protocol'
import { handleChannel } from './channels.ts'
import { atMost, followTopic, type PeerNode } from './gossip.ts'
import { createTopicRegistry } from './relay-topics-registry.ts'
import { REGISTER_AGAIN_MS } from './settings.ts'
import { systemClock, type Clock } from './time/clock.ts'
import { sleep } from './time/sleep.ts'

export interface RelayTopics {
  readonly size: number
  /** Leaves all of them and answers no more. */
  stop(): Promise<void>
}

/**
 * What is forwarded is sealed, so the relay can check its size only. The cap is counted by PeerId, whatever the number of its
 * connections and streams. On one stream, all that a client may hold are registered at once, and what comes after that is read slowly.
 */
export async function serveTopics(relay: PeerNode, clock: Clock = systemClock): Promise<RelayTopics> {
  const stopping = new AbortController()
  const registry = createTopicRegistry((topic) => followTopic(relay, topic, atMost(GOSSIP_MAX_BYTES)))

  const stopHandling = await handleChannel(
    relay,
    TOPIC_PROTOCOL,
    { limit: TOPIC_FRAME_MAX_BYTES, maxInboundStreams: TOPICS_PER_CLIENT_MAX, overRelay: false },
    async (channel, { peer }) => {
      const topics = new Set<string>()
      let asked = 0
      try {
        for await (const { message } of channel.frames) {
          const request = topicRequestSchema.safeParse(message)
          if (!request.success) {
            await channel.send({ type: 'refused', reason: 'topic-invalid' } satisfies TopicAnswer)
            return
          }
          const { topic } = request.data
          const answer: TopicAnswer = topics.has(topic) ? { type: 'registered' } : registry.register(peer, topic)
          if (answer.type === 'registered') topics.add(topic)
          await channel.send(answer)
          if (++asked >= TOPICS_PER_CLIENT_MAX) await sleep(clock, REGISTER_AGAIN_MS, stopping.signal)
        }
      } finally {
        for (const topic of topics) registry.leave(peer, topic)
      }
    }
  )

  return {
    get size() {
      return registry.size
    },
    async stop() {
      stopping.abort()
      await stopHandling()
      registry.clear()
    }
  }
}
