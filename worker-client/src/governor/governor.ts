/** Looks at device and preferences, and tells the kernel what to do: at once when something changes, every few seconds otherwise. */
import type { Clock } from '@peercompute/p2p/time'
import { FRESH_MEMORY, govern } from './govern.ts'
import type { Governance } from './governance.ts'
import type { Preferences } from './preferences.ts'
import { minuteOfWeek } from './schedule.ts'
import { SILENT, type SignalSource } from './signals.ts'
import { createUsageMeter, type UsageStore } from './usage.ts'

/** Hours, idle minutes and budgets are kept to this. */
export const LOOK_EVERY_MS = 5_000

/** What of a kernel is touched. */
export interface Governed {
  govern(governance: Governance): void
  readonly computing: boolean
  /** Sent and received since the start. */
  readonly bytes: number
}

export interface GovernorInit {
  readonly kernel: Governed
  readonly source: SignalSource
  readonly preferences: () => Preferences
  readonly usage: UsageStore
  readonly clock: Clock
}

export interface Governor {
  /** After a change of the preferences. */
  reconsider(): void
  stop(): void
}

/** Governs before it returns, so that a kernel started afterwards begins as its owner wants it. */
export function startGovernor({ kernel, source, preferences, usage, clock }: GovernorInit): Governor {
  const meter = createUsageMeter(usage)
  let memory = FRESH_MEMORY
  let told = ''
  let cancelLook: () => void = () => undefined

  const count = (now: number) => meter.count(now, kernel.computing, kernel.bytes)
  const look = () => {
    const now = clock.now()
    const { seconds, bytes } = count(now)
    const signals = { ...SILENT, ...source.now(), secondsToday: seconds, bytesToday: bytes, minuteOfWeek: minuteOfWeek(now) }
    const governed = govern(preferences(), signals, now, memory)
    memory = governed.memory
    const telling = JSON.stringify(governed.governance)
    if (telling === told) return
    told = telling
    kernel.govern(governed.governance)
  }
  const lookAgain = () => {
    cancelLook = clock.schedule(LOOK_EVERY_MS, () => {
      look()
      lookAgain()
    })
  }
  look()
  lookAgain()
  const unfollow = source.follow(look)

  return {
    reconsider: look,
    stop() {
      unfollow()
      cancelLook()
      count(clock.now())
      meter.save()
    }
  }
}
