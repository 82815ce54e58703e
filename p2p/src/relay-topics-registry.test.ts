import { TOPICS_PER_CLIENT_MAX, TOPICS_PER_RELAY_MAX } from '@peercompute/job-specs/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTopicRegistry } from './relay-topics-registry.ts'

function registry() {
  const followed = new Set<string>()
  return {
    followed,
    topics: createTopicRegistry((topic) => {
      followed.add(topic)
      return () => followed.delete(topic)
    })
  }
}

describe('the topics of a relay', () => {
  it('are capped for a client and for the relay, and a topic that is there costs nothing', () => {
    const { topics, followed } = registry()
    for (let number = 0; number < TOPICS_PER_RELAY_MAX; number++)
      expect(topics.register(`client ${Math.floor(number / TOPICS_PER_CLIENT_MAX)}`, `topic ${number}`)).toEqual({ type: 'registered' })
    expect(topics.register('client 0', 'one more')).toEqual({ type: 'refused', reason: 'client-full' })
    expect(topics.register('late', 'one more')).toEqual({ type: 'refused', reason: 'relay-full' })
    expect(topics.register('late', 'topic 0')).toEqual({ type: 'registered' })
    expect(followed.size).toBe(TOPICS_PER_RELAY_MAX)
    topics.leave('client 0', 'topic 0')
    expect(followed.has('topic 0'), 'another client holds it').toBe(true)
    topics.leave('late', 'topic 0')
    expect(followed.has('topic 0')).toBe(false)
    expect(topics.register('late', 'one more')).toEqual({ type: 'registered' })
    topics.clear()
    expect(followed.size).toBe(0)
  })

  it('are followed exactly while somebody holds them', () => {
    const step = fc.record({
      leave: fc.boolean(),
      client: fc.constantFrom('a', 'b', 'c'),
      topic: fc.integer({ min: 0, max: 8 }).map(String)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { topics, followed } = registry()
        const held = new Map<string, number>()
        for (const { leave, client, topic } of steps) {
          const key = `${client} ${topic}`
          const count = held.get(key) ?? 0
          if (leave) {
            topics.leave(client, topic)
            held.set(key, Math.max(0, count - 1))
          } else if (topics.register(client, topic).type === 'registered') held.set(key, count + 1)
        }
        const wanted = [...held].filter(([, count]) => count > 0).map(([key]) => key.split(' ')[1])
        expect([...followed].sort()).toEqual([...new Set(wanted)].sort())
        expect(topics.size).toBe(followed.size)
      })
    )
  })
})
