/** A clock for tests: time passes only through `advance`. */
import type { Clock } from '../time/clock.ts'

export interface FakeClock extends Clock {
  /** Runs what falls due within `ms`, in order. */
  advance(ms: number): void
  /** Delays of what is scheduled now, ascending. */
  pending(): number[]
}

export function createFakeClock(start = 1_700_000_000_000): FakeClock {
  let now = start
  let tasks: { at: number; task: () => void }[] = []
  const byTime = (): typeof tasks => tasks.sort((a, b) => a.at - b.at)
  return {
    now: () => now,
    schedule(delayMs, task) {
      const entry = { at: now + delayMs, task }
      tasks.push(entry)
      return () => {
        tasks = tasks.filter((other) => other !== entry)
      }
    },
    advance(ms) {
      const end = now + ms
      for (let next = byTime()[0]; next !== undefined && next.at <= end; next = byTime()[0]) {
        tasks = tasks.filter((other) => other !== next)
        now = next.at
        next.task()
      }
      now = end
    },
    pending: () => byTime().map((entry) => entry.at - now)
  }
}
