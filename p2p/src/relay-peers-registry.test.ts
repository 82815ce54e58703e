import { PEERS_FRAME_MAX_BYTES, PEERS_PER_FRAME_MAX } from '@peercompute/job-specs/protocol'
import { expect, it } from 'vitest'
import { createPeersRegistry, type PeersRegistry } from './relay-peers-registry.ts'
import { EVERYBODY_MAX, INTRODUCTIONS } from './settings.ts'

const nameOf = (index: number): string => `peer-${String(index).padStart(4, '0')}`
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function come(registry: PeersRegistry, peer: string, says = peer): object {
  const visit = registry.join(peer)
  registry.announce(peer, new TextEncoder().encode(says))
  return visit
}

/** Everything that a peer has not been told, in as many frames as it takes. */
function hears(registry: PeersRegistry, peer: string): string[] {
  const all: string[] = []
  for (let next = registry.take(peer); next !== null; next = registry.take(peer)) {
    expect(next.announcements.length).toBeLessThanOrEqual(PEERS_PER_FRAME_MAX)
    all.push(...next.announcements.map(textOf))
  }
  return all.sort()
}

it('tells each of a small crowd of each other, whoever came first', () => {
  const registry = createPeersRegistry()
  const names = Array.from({ length: EVERYBODY_MAX }, (_, index) => nameOf(index))
  for (const name of names) come(registry, name)
  for (const name of names) expect(hears(registry, name)).toEqual(names.filter((other) => other !== name))
})

it('tells a newcomer to a large crowd of some, and some of the newcomer', () => {
  const registry = createPeersRegistry()
  const names = Array.from({ length: 3 * EVERYBODY_MAX }, (_, index) => nameOf(index))
  for (const name of names) come(registry, name)
  for (const name of names) hears(registry, name)
  come(registry, 'newcomer')
  expect(hears(registry, 'newcomer')).toHaveLength(INTRODUCTIONS)
  expect(names.filter((name) => hears(registry, name).includes('newcomer'))).toHaveLength(INTRODUCTIONS)
})

it('tells each its place in the crowd, again when that has changed, and otherwise nothing', () => {
  const registry = createPeersRegistry()
  come(registry, 'b')
  expect(registry.take('b')).toEqual({ crowd: 1, rank: 0, announcements: [] })
  expect(registry.take('b')).toBeNull()
  const visit = registry.join('a')
  expect(registry.take('b')).toEqual({ crowd: 2, rank: 1, announcements: [] })
  registry.leave('a', visit)
  expect(registry.take('b')).toEqual({ crowd: 1, rank: 0, announcements: [] })
  expect(registry.take('b')).toBeNull()
})

it('tells the newest of what a peer said, and nothing of one that has left', () => {
  const registry = createPeersRegistry()
  come(registry, 'listener')
  come(registry, 'mover', 'old')
  registry.announce('mover', new TextEncoder().encode('new'))
  const visit = come(registry, 'leaver')
  registry.leave('leaver', visit)
  expect(hears(registry, 'listener')).toEqual(['new'])
})

it('keeps a client that came again before its first stream was seen to end', () => {
  const registry = createPeersRegistry()
  come(registry, 'other')
  const first = come(registry, 'twice')
  registry.join('twice')
  registry.leave('twice', first)
  expect(registry.size).toBe(2)
  expect(hears(registry, 'twice')).toEqual(['other'])
  expect(hears(registry, 'other')).toEqual(['twice'])
})

it('fills frames up to their size, and forgets nothing that did not fit', () => {
  const registry = createPeersRegistry()
  registry.join('listener')
  const large = new Uint8Array(2_000)
  for (let index = 0; index < 60; index++) {
    registry.join(nameOf(index))
    registry.announce(nameOf(index), large)
  }
  const frames: number[] = []
  for (let next = registry.take('listener'); next !== null; next = registry.take('listener')) frames.push(next.announcements.length)
  expect(frames.reduce((sum, count) => sum + count)).toBe(60)
  expect(Math.max(...frames) * large.length).toBeLessThan(PEERS_FRAME_MAX_BYTES)
})
