import { reasonOf, type Clock } from '../clock.ts'

export interface FakeClock extends Clock {
  /** Moves time on and wakes the sleepers whose time has come, in order. */
  advance(ms: number): void
  /** Sleepers now waiting. */
  readonly sleeping: number
}

export function createFakeClock(start = 1_700_000_000_000): FakeClock {
  let now = start
  let sleepers: { readonly at: number; readonly wake: () => void }[] = []
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(reasonOf(signal))
          return
        }
        const sleeper = { at: now + ms, wake: () => { signal?.removeEventListener('abort', onAbort); resolve() } }
        const onAbort = () => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          reject(reasonOf(signal))
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        sleepers.push(sleeper)
      }),
    advance(ms) {
      now += ms
      const due = sleepers.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
      sleepers = sleepers.filter(({ at }) => at > now)
      for (const { wake } of due) wake()
    },
    get sleeping() { return sleepers.length }
  }
}
