import { reasonOf, type Clock } from '../clock.ts'

/** A clock whose timers run in a dedicated worker (clock-worker.ts). */
export function createWorkerClock(worker: Worker): Clock {
  const sleepers = new Map<number, () => void>()
  let lastId = 0
  worker.addEventListener('message', ({ data }: MessageEvent<number>) => {
    const wake = sleepers.get(data)
    sleepers.delete(data)
    wake?.()
  })
  return {
    now: () => Date.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(reasonOf(signal))
          return
        }
        const id = ++lastId
        const onAbort = () => {
          sleepers.delete(id)
          worker.postMessage({ id, ms: null })
          reject(reasonOf(signal))
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        sleepers.set(id, () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
        worker.postMessage({ id, ms })
      })
  }
}
