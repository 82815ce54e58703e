/** Threads in which programs of jobs run. */
import { Worker, type MessagePort } from 'node:worker_threads'

/** Beside this file. A deep recursion must meet the limit of the cage before the end of the thread's stack. */
export function startThread(file: `./${string}-thread.ts`, workerData?: unknown, transferList: readonly MessagePort[] = []): Worker {
  const worker = new Worker(new URL(file, import.meta.url), {
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { stackSizeMb: 16, maxOldGenerationSizeMb: 512 },
    workerData,
    transferList: [...transferList]
  })
  // What the engine prints when it gives up is said in the outcome.
  worker.stdout.resume()
  worker.stderr.resume()
  return worker
}
