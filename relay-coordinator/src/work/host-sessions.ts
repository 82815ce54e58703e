/**
 * The hosts that are here now, one session each, and what the coordinator tells them unasked: `stop` for a job that needs no
 * more computing, `nudge` when work appears for those that found none.
 */
import type { HostId, JobId, LiveEvent, ReasonCode } from '@peercompute/job-specs'
import type { CoordinatorMessage } from '@peercompute/job-specs/protocol'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { ConnectedHost } from '../core/index.ts'

/** Idle hosts are told at once, then at most this often. */
const NUDGE_INTERVAL_MS = 250

export interface HostSession {
  readonly host: HostId
  /** Sends something unasked, or keeps it for the next answer. */
  push(message: CoordinatorMessage): void
  /** Another connection of the same host has taken over. */
  superseded(): void
}

export interface HostSessions {
  join(session: HostSession, connected: ConnectedHost): Promise<void>
  /** Gives the host's leases back, unless a newer session of it is there. */
  leave(session: HostSession): Promise<void>
  /** Taken before asking, so that work which appears while the answer is made is not missed. */
  moment(): number
  /** `limited`: it held as much as it may, so it is nudged when it has reported. */
  asked(session: HostSession, leasedJobs: readonly JobId[], moment: number, limited: boolean): void
  reported(session: HostSession): void
  readonly size: number
  close(): void
}

interface Presence {
  readonly session: HostSession
  readonly jobs: Set<JobId>
  idle: boolean
  limited: boolean
}

export function createHostSessions(coordinator: Coordinator, clock: Clock): HostSessions {
  const present = new Map<HostId, Presence>()
  let moments = 0
  let resting: (() => void) | null = null
  let nudgeLater = false

  function workAppeared(): void {
    moments++
    if (resting !== null) {
      nudgeLater = true
      return
    }
    for (const presence of present.values()) {
      if (!presence.idle) continue
      presence.idle = false
      presence.session.push({ type: 'nudge' })
    }
    resting = clock.schedule(NUDGE_INTERVAL_MS, () => {
      resting = null
      if (!nudgeLater) return
      nudgeLater = false
      workAppeared()
    })
  }

  function stop(job: JobId): void {
    const why: ReasonCode = coordinator.why(job).code
    // A revoked one must not run on anywhere, so nothing depends on knowing who holds it: hosts that came back may.
    for (const { session, jobs } of present.values()) if (jobs.delete(job) || why === 'revoked') session.push({ type: 'stop', job, why })
  }

  function followLive(event: LiveEvent): void {
    if (event.event !== 'job') return
    const { id, state, units } = event.data
    if (state === 'paused') stop(id)
    else if (state === 'running' && units.waiting + units.validating > 0) workAppeared()
  }

  const unsubscribe = [
    coordinator.onLive(followLive),
    coordinator.onSettlement((settlement) => {
      if (settlement.kind === 'admitted' || settlement.kind === 'reopened') workAppeared()
      if (settlement.kind === 'ended') stop(settlement.job)
      if (settlement.kind === 'overtaken')
        present.get(settlement.host)?.session.push({ type: 'stop', job: settlement.job, epoch: settlement.epoch, why: 'settled' })
    })
  ]

  return {
    get size() {
      return present.size
    },
    moment: () => moments,

    async join(session, connected) {
      const previous = present.get(session.host)
      present.set(session.host, { session, jobs: previous?.jobs ?? new Set(), idle: false, limited: false })
      if (previous !== undefined && previous.session !== session) previous.session.superseded()
      await coordinator.hostConnected(connected)
    },

    async leave(session) {
      if (present.get(session.host)?.session !== session) return
      present.delete(session.host)
      await coordinator.hostDisconnected(session.host)
    },

    asked(session, leasedJobs, moment, limited) {
      const presence = present.get(session.host)
      if (presence?.session !== session) return
      for (const job of leasedJobs) presence.jobs.add(job)
      presence.idle = leasedJobs.length === 0
      presence.limited = limited
      if (presence.idle && moment !== moments) {
        presence.idle = false
        session.push({ type: 'nudge' })
      }
    },

    reported(session) {
      const presence = present.get(session.host)
      if (presence?.session !== session || !presence.limited) return
      presence.limited = presence.idle = false
      session.push({ type: 'nudge' })
    },

    close() {
      for (const end of unsubscribe) end()
      resting?.()
      resting = null
      present.clear()
    }
  }
}
