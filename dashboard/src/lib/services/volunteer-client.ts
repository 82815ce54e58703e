/**
 * The one place where the page meets the volunteer library. It is loaded on Start and not before: libp2p and the executors
 * are far larger than everything else on the page.
 */
import type { UnitNews, VolunteerPhase, VolunteerSnapshot } from '../models/volunteer.ts'
import type { NetworkNode } from '../models/network/node.ts'
import { networkNode } from './network-node.ts'
import { throttled } from './throttle.ts'

export interface VolunteerClient {
  start(): void
  pause(): void
  resume(): void
  /** Resolves when the units in hand are delivered and it has stopped. */
  finish(): Promise<void>
  /** Stops now; units in hand go back. */
  stop(): Promise<void>
  /** After a change of the preferences. */
  reconsider(): void
  snapshot(): VolunteerSnapshot
  onChange(listener: () => void): () => void
  onUnit(listener: (news: UnitNews) => void): () => void
  /** Its node in the network, when there is one; null when it has stopped. */
  onNetwork(listener: (node: NetworkNode | null) => void): () => void
  /** The copy of the ledger in this browser has grown. */
  onLedger(listener: () => void): () => void
}

/** The library's state and the page's phase. */
const PHASES = {
  offline: 'starting',
  connecting: 'starting',
  idle: 'waiting',
  computing: 'computing',
  suspended: 'paused',
  finishing: 'finishing',
  stopped: 'stopped'
} as const satisfies Record<string, VolunteerPhase>

/** Snapshots of an unchanged phase follow each other by this at least. */
const CHANGE_EVERY_MS = 250

/** Rejects when the browser lacks what is needed. */
export async function createVolunteerClient(): Promise<VolunteerClient> {
  const [{ createBrowserVolunteer }, { readPreferences }] = await Promise.all([
    import('@peercompute/worker-client/browser'),
    import('./kept-preferences.ts')
  ])
  const kernel = await createBrowserVolunteer({
    sandboxUrl: new URL('/sandbox.html', location.origin).href,
    preferences: readPreferences
  })

  const snapshot = (): VolunteerSnapshot => {
    const { state, reason, suspended, gpuSuspended, lending, executors, currentJobs, unitsDone, account, host } = kernel.snapshot()
    const unreachable = state === 'connecting' && reason !== null
    return {
      phase: unreachable ? 'waiting' : PHASES[state],
      reason,
      suspended,
      gpuSuspended,
      lending,
      failure: null,
      unitsDone,
      account,
      host,
      currentJobs,
      executors: executors.map(({ kind, software, numericClass, busyUnits, unitsDone: done }) => ({
        kind,
        software,
        numericClass,
        busyUnits,
        unitsDone: done
      }))
    }
  }

  return {
    start: () => {
      kernel.start()
    },
    pause: () => {
      kernel.pause()
    },
    resume: () => {
      kernel.resume()
    },
    finish: () => kernel.finish(),
    stop: () => kernel.stop(),
    reconsider: () => {
      kernel.reconsider()
    },
    snapshot,
    onChange: (listener) => {
      let phase: VolunteerPhase | null = null
      const later = throttled(CHANGE_EVERY_MS, listener)
      return kernel.onChange(() => {
        const now = snapshot().phase
        if (now === phase) later()
        else listener()
        phase = now
      })
    },
    onUnit: (listener) =>
      kernel.onUnit(({ job, unit, value }) => {
        listener({ job, unit, value })
      }),
    onNetwork: (listener) => {
      const leave = [
        kernel.network.onPeerNetwork((network) => {
          listener(networkNode(network))
        }),
        kernel.onChange(({ state }) => {
          if (state === 'stopped') listener(null)
        })
      ]
      return () => {
        for (const stop of leave) stop()
      }
    },
    onLedger: (listener) => kernel.state.onChange(listener)
  }
}
