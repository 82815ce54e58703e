import type { GpuClock } from './submission-queue.ts'

/** Shorter sleeps cost more than they save. */
const WORTH_SLEEPING_MS = 4
const SHARE = 0.95

/** Dawn in Node keeps a core busy while a promise is pending: sleep through most of the expected time first. */
export const nodeGpuClock: GpuClock = {
  now: () => performance.now(),
  beforeWait: (expectedMs) =>
    expectedMs < WORTH_SLEEPING_MS
      ? Promise.resolve()
      : new Promise((resolve) => {
          setTimeout(resolve, expectedMs * SHARE)
        })
}
