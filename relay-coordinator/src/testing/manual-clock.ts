/** A clock that stands still until a test moves it. */
import type { Clock } from '../config/clock.ts'

export interface ManualClock extends Clock {
  advance(ms: number): void
}

export function createManualClock(start = 1_700_000_000_000): ManualClock {
  let time = start
  const due = new Set<{ at: number; task: () => void }>()
  return {
    now: () => time,
    schedule(delayMs, task) {
      const entry = { at: time + delayMs, task }
      due.add(entry)
      return () => {
        due.delete(entry)
      }
    },
    advance(ms) {
      const end = time + ms
      for (;;) {
        const next = [...due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        due.delete(next)
        time = next.at
        next.task()
      }
      time = end
    }
  }
}
