/**
 * Who is in the room: every member says so every ROOM_BEAT_MS, by sealed gossip. Nothing of it is kept.
 *
 * A beat carries the sender's clock and a count, so that a recorded one neither brings a member back nor keeps one alive.
 */
import { fromUtf8, utf8, type HostId } from '@peercompute/job-specs'
import {
  ROOM_BEAT_MAX_BYTES,
  ROOM_BEAT_MS,
  ROOM_CLOCK_SKEW_MS,
  ROOM_GONE_MS,
  roomBeatSchema,
  type RoomBeat
} from '@peercompute/job-specs/protocol'
import { followTopic, publishTo, SEAL_BYTES, type PeerNode, type Verdict } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import { createListeners } from '@peercompute/worker-client'
import type { Candidate } from './election.ts'
import type { RoomSeal } from './room-seal.ts'

/** Members and recently gone ones that are remembered. PeerIds cost a liar with the link nothing. */
const REMEMBERED_MAX = 512
/** A newcomer is greeted by an extra beat of everybody, spread over this time. */
const GREETING_MS = 500

export interface Member extends Candidate {
  readonly host: HostId
  readonly label: string
  readonly self: boolean
}

export interface PresenceInit {
  readonly node: PeerNode
  readonly topic: string
  readonly seal: RoomSeal
  readonly host: HostId
  readonly label: string
  readonly clock: Clock
  readonly random: () => number
}

export interface Presence {
  /** Those who were heard within ROOM_GONE_MS, this member first. */
  members(): readonly Member[]
  /** Highest term that was ever heard of. */
  readonly lastTerm: number
  /** Says at once that this member leads from now on (0: no longer). */
  serve(term: number): void
  /** After every beat that was heard or sent: time has passed, even when nobody came or went. */
  onBeat(listener: () => void): () => void
  /** Says goodbye. */
  leave(): Promise<void>
}

export function startPresence({ node, topic, seal, host, label, clock, random }: PresenceInit): Presence {
  const self = node.peerId.toString()
  const joinedAt = clock.now()
  const heard = new Map<string, { beat: RoomBeat; at: number }>()
  const beats = createListeners<undefined>()
  let term = 0
  let lastTerm = 0
  let count = 0
  let left = false
  let cancelNext: () => void = () => undefined
  let cancelGreeting: (() => void) | null = null

  function members(): Member[] {
    const now = clock.now()
    const others = [...heard.values()].filter(({ beat, at }) => !beat.leaving && now - at < ROOM_GONE_MS)
    return [
      { peer: self, host, label, joinedAt, term, heardAt: now, self: true },
      ...others.map(({ beat, at }) => ({
        peer: beat.peer,
        host: beat.host,
        label: beat.label,
        joinedAt: beat.joinedAt,
        term: beat.term,
        heardAt: at,
        self: false
      }))
    ]
  }

  async function say(leaving: boolean): Promise<void> {
    count += 1
    const beat: RoomBeat = { v: 1, peer: self, host, label, joinedAt, term, lastTerm, count, at: clock.now(), leaving }
    await publishTo(node, topic, await seal.seal('presence', utf8(JSON.stringify(beat))))
  }

  function beat(): void {
    cancelNext()
    void say(false)
    forget()
    beats.emit(undefined)
    cancelNext = clock.schedule(ROOM_BEAT_MS, beat)
  }

  /** Counts of those who went are kept as long as a recorded beat of theirs would be believed. */
  function forget(): void {
    const now = clock.now()
    for (const [peer, { at }] of heard) if (now - at > 2 * ROOM_CLOCK_SKEW_MS) heard.delete(peer)
  }

  async function hear(data: Uint8Array, _source: string, author: string): Promise<Verdict> {
    if (data.length > ROOM_BEAT_MAX_BYTES + SEAL_BYTES) return 'ignore'
    const plain = await seal.open('presence', data)
    if (plain === null || left) return 'ignore'
    const met = readBeat(plain)
    // gossip is signed: a member speaks for itself only
    if (met === null || met.peer !== author || met.peer === self || Math.abs(met.at - clock.now()) > ROOM_CLOCK_SKEW_MS) return 'ignore'
    const before = heard.get(met.peer)
    if (before === undefined ? heard.size >= REMEMBERED_MAX : met.count <= before.beat.count) return 'ignore'
    heard.set(met.peer, { beat: met, at: clock.now() })
    lastTerm = Math.max(lastTerm, met.term, met.lastTerm)
    if (before === undefined) greet()
    beats.emit(undefined)
    return 'accept'
  }

  function greet(): void {
    cancelGreeting ??= clock.schedule(random() * GREETING_MS, () => {
      cancelGreeting = null
      beat()
    })
  }

  const unfollow = followTopic(node, topic, hear)
  beat()

  return {
    members,
    get lastTerm() {
      return lastTerm
    },
    serve(next) {
      term = next
      lastTerm = Math.max(lastTerm, next)
      beat()
    },
    onBeat: beats.on,
    async leave() {
      if (left) return
      left = true
      cancelNext()
      cancelGreeting?.()
      term = 0
      await say(true)
      unfollow()
    }
  }
}

function readBeat(plain: Uint8Array): RoomBeat | null {
  try {
    return roomBeatSchema.safeParse(JSON.parse(fromUtf8(plain))).data ?? null
  } catch {
    return null
  }
}
