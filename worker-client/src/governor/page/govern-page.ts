/** Governs the volunteer of a tab by what the browser tells. */
import type { Clock } from '@peercompute/p2p/time'
import type { KernelSnapshot } from '../../node-kernel.ts'
import { startGovernor, type Governed, type Governor } from '../governor.ts'
import type { Preferences } from '../preferences.ts'
import type { UsageStore } from '../usage.ts'
import { pageSignals, type PageWindow } from './page-signals.ts'
import { createWakeLock } from './wake-lock.ts'

const USAGE_KEY = 'peercompute.usage'

/** What of a kernel is touched. */
export interface PageKernel extends Governed {
  retryNow(): void
  onChange(listener: (snapshot: Pick<KernelSnapshot, 'state'>) => void): () => void
}

/**
 * Governs at once and until the kernel has stopped, or `stop` is called. `clock` must go on while the page is hidden.
 * A page that goes away stops nothing: its connection ends with it, and what it had saved waits for it under the same lease.
 */
export function governPage(window: PageWindow, kernel: PageKernel, preferences: () => Preferences, clock: Clock): Governor {
  const over = new AbortController()
  const { signal } = over
  const governor = startGovernor({
    kernel,
    source: pageSignals(window, clock),
    preferences,
    usage: pageUsage(window),
    clock
  })
  const wakeLock = createWakeLock(window)
  const keepAwake = () => {
    wakeLock.want(preferences().wakeLock && kernel.computing)
  }
  window.addEventListener(
    'online',
    () => {
      kernel.retryNow()
    },
    { signal }
  )
  const stop = () => {
    if (signal.aborted) return
    over.abort()
    unfollow()
    governor.stop()
    wakeLock.stop()
  }
  const unfollow = kernel.onChange(({ state }) => {
    if (state === 'stopped') stop()
    else keepAwake()
  })
  return {
    reconsider() {
      governor.reconsider()
      keepAwake()
    },
    stop
  }
}

/** Pages without storage count anew with each load. */
function pageUsage({ localStorage }: Window): UsageStore {
  return {
    read: () => localStorage.getItem(USAGE_KEY),
    write: (text) => {
      localStorage.setItem(USAGE_KEY, text)
    }
  }
}
