/**
 * Applies the election to what this member hears: takes office when it is elected, and hands over when another leads.
 *
 *   listening  joined just now, or cut off: it may not know yet who leads
 *   member     another leads, or nobody yet
 *   leader     its office is open
 */
import { ROOM_BEAT_MS } from '@peercompute/job-specs/protocol'
import type { Clock } from '@peercompute/p2p/time'
import { createListeners } from '@peercompute/worker-client'
import { electLeader } from './election.ts'
import type { Office } from './office.ts'
import type { Member, Presence } from './presence.ts'

/** A newcomer leads only after everybody who is there could be heard twice. */
export const LISTEN_MS = 3 * ROOM_BEAT_MS
/** How often a member without a connection is dialled. */
const REACH_AGAIN_MS = 2 * ROOM_BEAT_MS

export interface LeadershipInit {
  readonly presence: Presence
  readonly clock: Clock
  readonly self: string
  /** Whether a relay forwards the room's gossip: who hears nobody else must not think that it is alone. */
  readonly connected: () => boolean
  readonly mayLead: boolean
  /** Highest term of which the ledger knows. */
  readonly lastTerm: () => number
  readonly openOffice: (term: number) => Promise<Office>
  readonly reach: (peer: string) => Promise<void>
  readonly onFault: (error: unknown) => void
}

export interface Leadership {
  leader(): Member | null
  readonly office: Office | null
  /** At every beat. */
  onChange(listener: () => void): () => void
  /** Hands over. */
  stop(): Promise<void>
}

export function createLeadership(init: LeadershipInit): Leadership {
  const { presence, clock, self } = init
  const changes = createListeners<undefined>()
  const dialled = new Map<string, number>()
  let connectedSince: number | null = null
  let office: Office | null = null
  let moving: Promise<void> = Promise.resolve()
  let underWay = false
  let stopped = false

  const listening = (): boolean => connectedSince === null || clock.now() - connectedSince < LISTEN_MS

  function leader(): Member | null {
    const elected = electLeader(presence.members(), clock.now())
    return elected?.self === true && office === null && (listening() || !init.mayLead) ? null : elected
  }

  async function takeOffice(): Promise<void> {
    const term = Math.max(presence.lastTerm, init.lastTerm()) + 1
    const opened = await init.openOffice(term)
    if (stopped) return opened.close()
    office = opened
    presence.serve(term)
  }

  async function leaveOffice(): Promise<void> {
    const closing = office
    office = null
    presence.serve(0)
    await closing?.close()
  }

  function move(task: () => Promise<void>): void {
    underWay = true
    moving = task()
      .catch(init.onFault)
      .finally(() => {
        underWay = false
        changes.emit(undefined)
      })
  }

  /** Of two members the one with the smaller PeerId dials. */
  function reachMembers(): void {
    const now = clock.now()
    for (const { peer } of presence.members()) {
      if (self >= peer || now - (dialled.get(peer) ?? 0) < REACH_AGAIN_MS) continue
      dialled.set(peer, now)
      // a member that cannot be reached is still heard, and tried again
      init.reach(peer).catch(() => undefined)
    }
    for (const peer of dialled.keys()) if (now - (dialled.get(peer) ?? 0) > 100 * REACH_AGAIN_MS) dialled.delete(peer)
  }

  function look(): void {
    if (stopped) return
    if (!init.connected()) connectedSince = null
    else connectedSince ??= clock.now()
    reachMembers()
    const elected = leader()
    if (!underWay) {
      if (office === null && elected?.self === true) move(takeOffice)
      else if (office !== null && elected !== null && !elected.self) move(leaveOffice)
    }
    changes.emit(undefined)
  }

  const unsubscribe = presence.onBeat(look)

  return {
    leader,
    get office() {
      return office
    },
    onChange: changes.on,
    async stop() {
      stopped = true
      unsubscribe()
      await moving
      const closing = office
      office = null
      await closing?.close().catch(init.onFault)
    }
  }
}
