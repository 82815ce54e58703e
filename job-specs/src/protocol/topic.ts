/**
 * `/peercompute/topic/1`: a client asks a relay to forward the gossip of a room. Gossip reaches only who follows a topic, and the
 * relay stands between all members. It follows at most a few for each client, as long as the client is connected; it learns that
 * there is a room, and reads nothing. Each `register` is answered by one frame.
 */
import { z } from 'zod'

export const TOPIC_PROTOCOL = '/peercompute/topic/1'
export const TOPIC_FRAME_MAX_BYTES = 1_024
export const TOPICS_PER_CLIENT_MAX = 4
export const TOPICS_PER_RELAY_MAX = 256

export const roomTopicSchema = z.string().regex(/^peercompute\/room\/[0-9a-f]{64}$/, 'must be peercompute/room/ and 64 hex digits')

export const topicRequestSchema = z.strictObject({ type: z.literal('register'), topic: roomTopicSchema })
export type TopicRequest = z.infer<typeof topicRequestSchema>

/** `topic-invalid`: none that a relay forwards on demand. `client-full`, `relay-full`: it follows as many as it may. */
export const topicRefusals = ['topic-invalid', 'client-full', 'relay-full'] as const
export type TopicRefusal = (typeof topicRefusals)[number]

export const topicAnswerSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('registered') }),
  z.strictObject({ type: z.literal('refused'), reason: z.enum(topicRefusals) })
])
export type TopicAnswer = z.infer<typeof topicAnswerSchema>
