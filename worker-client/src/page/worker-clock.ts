import type { Clock } from '@peercompute/p2p/time'

/** A clock whose timers run in a dedicated worker (clock-worker.ts). */
export function createWorkerClock(worker: Worker): Clock {
  const tasks = new Map<number, () => void>()
  let lastId = 0
  worker.addEventListener('message', ({ data: id }: MessageEvent<number>) => {
    const task = tasks.get(id)
    tasks.delete(id)
    task?.()
  })
  return {
    now: () => Date.now(),
    schedule(delayMs, task) {
      const id = ++lastId
      tasks.set(id, task)
      worker.postMessage({ id, ms: delayMs })
      return () => {
        if (tasks.delete(id)) worker.postMessage({ id, ms: null })
      }
    }
  }
}
