/** The real clock, until it is told to jump: then everything that was due meanwhile happens at once. */
import type { Clock } from '@peercompute/p2p/time'

interface Timer {
  readonly due: number
  readonly task: () => void
  handle: NodeJS.Timeout
}

export interface JumpingClock extends Clock {
  jump(ms: number): void
}

export function createJumpingClock(): JumpingClock {
  const timers = new Set<Timer>()
  let ahead = 0
  const now = (): number => Date.now() + ahead
  const arm = (timer: Pick<Timer, 'due' | 'task'>): NodeJS.Timeout => setTimeout(timer.task, Math.max(0, timer.due - now()))
  return {
    now,
    schedule(delayMs, task) {
      const due = now() + delayMs
      const run = (): void => {
        timers.delete(timer)
        task()
      }
      const timer: Timer = { due, task: run, handle: arm({ due, task: run }) }
      timers.add(timer)
      return () => {
        timers.delete(timer)
        clearTimeout(timer.handle)
      }
    },
    jump(ms) {
      ahead += ms
      for (const timer of timers) {
        clearTimeout(timer.handle)
        timer.handle = arm(timer)
      }
    }
  }
}
