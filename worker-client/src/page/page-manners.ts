/** When a page holds its kernel back: what the browser says about tab, battery and network, weighed by what the volunteer wants. */
import type { ReasonCode } from '@peercompute/job-specs'

export interface PagePreferences {
  /** Rest while the tab is hidden. */
  readonly restWhenHidden: boolean
  readonly restOnBattery: boolean
}

/** What of a kernel is touched. */
export interface Suspendable {
  pause(reason: ReasonCode): void
  resume(reason: ReasonCode): void
  retryNow(): void
  stop(): Promise<void>
}

interface Battery extends EventTarget {
  readonly charging: boolean
  /** 0 to 1. */
  readonly level: number
}

const BATTERY_LOW = 0.2

/** Follows the page until the returned function is called. Where a browser tells nothing about the battery, it counts as plugged in. */
export function followPage(window: Window, kernel: Suspendable, preferences: () => PagePreferences): () => void {
  const { document, navigator } = window
  const over = new AbortController()
  const { signal } = over
  const rest = (reason: ReasonCode, wanted: boolean) => {
    if (wanted) kernel.pause(reason)
    else kernel.resume(reason)
  }

  const lookAtTab = () => {
    rest('tab_hidden_policy', document.visibilityState === 'hidden' && preferences().restWhenHidden)
  }
  document.addEventListener('visibilitychange', lookAtTab, { signal })
  // A frozen page runs nothing: it starts afresh when it wakes up, instead of finding its executors in the middle of something.
  document.addEventListener(
    'freeze',
    () => {
      kernel.pause('tab_hidden_policy')
    },
    { signal }
  )
  document.addEventListener('resume', lookAtTab, { signal })
  window.addEventListener(
    'online',
    () => {
      kernel.retryNow()
    },
    { signal }
  )
  window.addEventListener(
    'pagehide',
    (event) => {
      if (!event.persisted) kernel.stop().catch(() => undefined)
    },
    { signal }
  )
  lookAtTab()

  batteryOf(navigator).then(
    (battery) => {
      if (battery === null || signal.aborted) return
      const look = () => {
        const resting = !battery.charging && preferences().restOnBattery
        rest('on_battery', resting && battery.level > BATTERY_LOW)
        rest('battery_low', !battery.charging && battery.level <= BATTERY_LOW)
      }
      battery.addEventListener('chargingchange', look, { signal })
      battery.addEventListener('levelchange', look, { signal })
      look()
    },
    () => undefined
  )

  return () => {
    over.abort()
  }
}

async function batteryOf(navigator: Navigator & { getBattery?: () => Promise<Battery> }): Promise<Battery | null> {
  return (await navigator.getBattery?.()) ?? null
}
