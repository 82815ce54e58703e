import { abortReason, sleep, type Clock } from '@peercompute/p2p/time'

/** A condition variable: loops wait on it and look again after each `open()`. */
export interface Gate {
  open(): void
  /** Resolves at the next `open()`. Rejects when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>
}

export function createGate(): Gate {
  let waiters: (() => void)[] = []
  return {
    open() {
      const woken = waiters
      waiters = []
      for (const wake of woken) wake()
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(abortReason(signal))
          return
        }
        const onAbort = () => {
          reject(abortReason(signal))
        }
        signal.addEventListener('abort', onAbort, { once: true })
        waiters.push(() => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        })
      })
  }
}

/** Sleeps, but no longer than until the gate opens. Rejects when the signal aborts. */
export async function sleepUntilOpen(clock: Clock, ms: number, gate: Gate, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const timer = sleep(clock, ms, either)
  const opened = gate.wait(either)
  timer.catch(() => undefined)
  opened.catch(() => undefined)
  try {
    await Promise.race([timer, opened])
  } finally {
    over.abort()
  }
}
