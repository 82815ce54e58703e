import type { ComputeWorker } from './compute-worker.ts'

export interface ComputeWorkers {
  readonly workers: readonly ComputeWorker[]
  /** Why a kind of executor is not among them. An absent GPU is no failure. */
  readonly failures: readonly unknown[]
}

/** Starts one after the other, because each measures its speed, and sorts them into those that started and the reasons of those that did not. */
export async function startedWorkers(starters: readonly (() => Promise<ComputeWorker | null>)[]): Promise<ComputeWorkers> {
  const workers: ComputeWorker[] = []
  const failures: unknown[] = []
  for (const start of starters) {
    try {
      const worker = await start()
      if (worker !== null) workers.push(worker)
    } catch (error) {
      failures.push(error)
    }
  }
  return { workers, failures }
}
