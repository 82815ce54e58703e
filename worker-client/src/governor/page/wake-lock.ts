/** Keeps the screen on while it is wanted and the page is in view. A browser takes the lock away with the page; it is asked for again. */
export interface WakeLock {
  want(wanted: boolean): void
  stop(): void
}

/** Does nothing where the browser has no such lock, or refuses it (a low battery, say). */
export function createWakeLock(window: Window): WakeLock {
  const { document } = window
  const { wakeLock } = window.navigator as { readonly wakeLock?: Navigator['wakeLock'] }
  const over = new AbortController()
  let wanted = false
  let held: WakeLockSentinel | null = null
  let asking = false

  const settle = async () => {
    if (asking) return
    asking = true
    try {
      if (wanted && document.visibilityState === 'visible' && (held === null || held.released))
        held = (await wakeLock?.request('screen')) ?? null
      if (!wanted && held !== null) {
        await held.release()
        held = null
      }
    } catch {
      // asked again when the page is shown the next time
    } finally {
      asking = false
    }
  }
  document.addEventListener('visibilitychange', () => void settle(), { signal: over.signal })

  return {
    want(next) {
      if (next === wanted) return
      wanted = next
      void settle()
    },
    stop() {
      over.abort()
      wanted = false
      void settle()
    }
  }
}
