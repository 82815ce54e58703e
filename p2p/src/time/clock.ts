/** The ports through which this package and those above it know time and chance. Tests hand in their own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Runs `task` once, `delayMs` from now. Returns the function that calls it off. */
  schedule(delayMs: number, task: () => void): () => void
}

/** Uniform in [0, 1). */
export type Random = () => number

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => {
      clearTimeout(timer)
    }
  }
}
