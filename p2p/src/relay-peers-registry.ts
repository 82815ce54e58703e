/** Who is introduced to whom by a relay. Knows nothing of streams. */
import { ANNOUNCEMENT_MAX_BYTES, PEERS_FRAME_MAX_BYTES, PEERS_PER_FRAME_MAX } from '@peercompute/job-specs/protocol'
import { EVERYBODY_MAX, INTRODUCTIONS } from './settings.ts'
import type { Random } from './time/clock.ts'

export interface Introduction {
  readonly crowd: number
  readonly rank: number
  readonly announcements: readonly Uint8Array[]
}

export interface PeersRegistry {
  readonly size: number
  /** A client may come twice before it leaves once, when its stream was lost; `leave` ends what the same `join` began. */
  join(peer: string): object
  leave(peer: string, visit: object): void
  /** What a client that is here says of itself, checked already. */
  announce(peer: string, announcement: Uint8Array): void
  /** What the client has not been told, at most one frame of it; null when there is nothing to say. */
  take(peer: string): Introduction | null
}

interface Member {
  readonly visit: object
  announcement: Uint8Array | null
  /** Newest announcements that it has not been told, by PeerId. */
  readonly untold: Map<string, Uint8Array>
  told: { readonly crowd: number; readonly rank: number } | null
}

/** Room for the frame's own JSON. */
const SPACE_BYTES = PEERS_FRAME_MAX_BYTES - ANNOUNCEMENT_MAX_BYTES

/**
 * Up to EVERYBODY_MAX clients, each is told of each. In a larger crowd a newcomer and some others, chosen at random, are told
 * of each other: nobody can use thousands of neighbours, and gossip tells of the rest.
 */
export function createPeersRegistry(random: Random = Math.random): PeersRegistry {
  const members = new Map<string, Member>()
  let ranks: ReadonlyMap<string, number> | null = null

  function some(but: string): [string, Member][] {
    const others = [...members].filter(([peer]) => peer !== but)
    if (members.size <= EVERYBODY_MAX) return others
    // the first places of a shuffle
    for (let i = 0; i < INTRODUCTIONS; i++) {
      const j = i + Math.floor(random() * (others.length - i))
      const [a, b] = [others[i], others[j]]
      if (a !== undefined && b !== undefined) [others[i], others[j]] = [b, a]
    }
    return others.slice(0, INTRODUCTIONS)
  }

  function rankOf(peer: string): number {
    ranks ??= new Map([...members.keys()].sort().map((id, rank) => [id, rank]))
    return ranks.get(peer) ?? 0
  }

  return {
    get size() {
      return members.size
    },
    join(peer) {
      const visit = {}
      const before = members.get(peer)
      const member: Member = { visit, announcement: before?.announcement ?? null, untold: new Map(), told: null }
      members.set(peer, member)
      if (before === undefined) ranks = null
      for (const [other, { announcement }] of some(peer)) if (announcement !== null) member.untold.set(other, announcement)
      return visit
    },
    leave(peer, visit) {
      if (members.get(peer)?.visit !== visit) return
      members.delete(peer)
      ranks = null
      for (const { untold } of members.values()) untold.delete(peer)
    },
    announce(peer, announcement) {
      const member = members.get(peer)
      if (member === undefined) return
      member.announcement = announcement
      for (const [, { untold }] of some(peer)) untold.set(peer, announcement)
    },
    take(peer) {
      const member = members.get(peer)
      if (member === undefined) return null
      const place = { crowd: members.size, rank: rankOf(peer) }
      if (member.untold.size === 0 && member.told?.crowd === place.crowd && member.told.rank === place.rank) return null
      const announcements: Uint8Array[] = []
      let bytes = 0
      for (const [other, announcement] of member.untold) {
        bytes += announcement.length
        if (announcements.length === PEERS_PER_FRAME_MAX || bytes > SPACE_BYTES) break
        announcements.push(announcement)
        member.untold.delete(other)
      }
      member.told = place
      return { ...place, announcements }
    }
  }
}
