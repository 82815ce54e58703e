/** Takes in what settles from whoever leads, for ever. */
import { roomValuesSchema } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import { backoffDelay, type Backoff, type Clock } from '@peercompute/p2p/time'
import { createGate, sleepUntilOpen } from '@peercompute/worker-client'
import type { LeaderTerm } from './room-network.ts'
import type { RoomValueStore } from './room-values.ts'

const OPEN_TIMEOUT_MS = 10_000
const BACKOFF: Backoff = { baseMs: 250, capMs: 5_000 }

export interface FollowInit {
  /** Null while nobody serves, or this member does. */
  readonly leader: () => LeaderTerm | null
  readonly onLeader: (listener: () => void) => () => void
  readonly open: (peer: string, signal: AbortSignal) => Promise<FrameChannel>
  readonly values: RoomValueStore
  readonly onValues: () => void
  readonly clock: Clock
  readonly random: () => number
}

export function keepFollowing(init: FollowInit): { stop(): void } {
  const { values, clock } = init
  const stopped = new AbortController()
  const changed = createGate()
  const unsubscribe = init.onLeader(() => {
    changed.open()
  })

  async function follow(leader: LeaderTerm): Promise<void> {
    const channel = await init.open(leader.peer, AbortSignal.any([stopped.signal, AbortSignal.timeout(OPEN_TIMEOUT_MS)]))
    const closeUnlessLeading = (): void => {
      const now = init.leader()
      if (stopped.signal.aborted || now?.peer !== leader.peer || now.term !== leader.term) void channel.close()
    }
    const unwatch = init.onLeader(closeUnlessLeading)
    stopped.signal.addEventListener('abort', closeUnlessLeading)
    try {
      await channel.send({ type: 'follow' })
      for await (const { message, attachment } of channel.frames) {
        const { job, start, count } = roomValuesSchema.parse(message)
        const unitBytes = attachment.length / count
        if (!Number.isInteger(unitBytes)) return
        for (let index = 0; index < count; index++)
          values.put(job, start + index, attachment.subarray(index * unitBytes, (index + 1) * unitBytes))
        init.onValues()
      }
    } finally {
      unwatch()
      stopped.signal.removeEventListener('abort', closeUnlessLeading)
      void channel.close()
    }
  }

  async function run(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const leader = init.leader()
      if (leader === null) {
        attempt = 0
        await changed.wait(stopped.signal)
        continue
      }
      await follow(leader).catch(() => undefined)
      // the gate opens at every beat, so a pause ends early: no more than one try for each
      await sleepUntilOpen(clock, backoffDelay(BACKOFF, attempt, init.random), changed, stopped.signal)
    }
  }
  void run().catch(() => undefined)

  return {
    stop() {
      unsubscribe()
      stopped.abort()
    }
  }
}
