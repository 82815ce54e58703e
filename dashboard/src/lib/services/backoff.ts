/** Waiting times of endless retries: full jitter under a doubling, capped ceiling. */
export interface BackoffLimits {
  readonly firstMs: number
  readonly capMs: number
}

/** `attempt` counts from 0. `random` gives 0 ≤ x < 1. */
export function backoffMs(attempt: number, { firstMs, capMs }: BackoffLimits, random: () => number): number {
  return Math.round(random() * Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30)))
}

/** Resolves after the time, or as soon as the signal is aborted. */
export function restFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, signal.aborted ? 0 : ms)
    signal.addEventListener('abort', done)
  })
}
