/**
 * Who leads a room: a pure rule that every member applies to what it has heard. Members with the same view name the same leader.
 * A leader stays as long as it is heard, so that newcomers change nothing; nobody votes.
 */
import { ROOM_GONE_MS } from '@peercompute/job-specs/protocol'

export interface Candidate {
  /** PeerId: unique, and the last word in a tie. */
  readonly peer: string
  /** Epoch ms, by the member's own clock. */
  readonly joinedAt: number
  /** Term that it serves, from 1; 0: it does not lead. */
  readonly term: number
  /** Epoch ms, by the clock of who applies the rule. */
  readonly heardAt: number
}

/**
 * Of those that lead, the one with the highest term, then the smallest PeerId: after a partition has healed there are two, and the
 * other hands over. When nobody leads, the member that joined first. Null for an empty room.
 */
export function electLeader<T extends Candidate>(members: readonly T[], now: number): T | null {
  const present = members.filter(({ heardAt }) => now - heardAt < ROOM_GONE_MS)
  return present.reduce<T | null>((best, member) => (best === null || precedes(member, best) ? member : best), null)
}

function precedes(a: Candidate, b: Candidate): boolean {
  if (a.term !== b.term) return a.term > b.term
  if (a.term === 0 && a.joinedAt !== b.joinedAt) return a.joinedAt < b.joinedAt
  return a.peer < b.peer
}
