/**
 * Verifiers in worker threads, so that the coordinator's event loop stays free and a thread that hangs can be ended. A thread works on
 * one report at a time and answers value by value; each value has a deadline of its own.
 */
import { availableParallelism } from 'node:os'
import { PeerComputeError, type Bytes, type ContentHash, type Verdict } from '@peercompute/job-specs'
import { drawSeed } from '@peercompute/job-specs/verifiers'
import type { Judge, ValueOfUnit } from './judge.ts'
import { JudgeThread, type Task } from './judge-worker.ts'

export interface ThreadJudgeInit {
  readonly readBlob: (sha256: ContentHash) => Promise<Bytes>
  /** Uniform in [0, 1). Asked when a value is there, so that no host can know what its answer is checked with. */
  readonly random: () => number
  readonly threads?: number
  /** For one value. */
  readonly deadlineMs?: number
}

/** What may wait; more is refused, and its hosts report again later. */
const WAITING_MAX_BYTES = 67_108_864
const VALUE_DEADLINE_MS = 10_000

export function createThreadJudge({
  readBlob,
  random,
  threads = defaultThreads(),
  deadlineMs = VALUE_DEADLINE_MS
}: ThreadJudgeInit): Judge {
  const idle = Array.from({ length: threads }, () => new JudgeThread(readBlob, deadlineMs))
  const all = [...idle]
  const waiting: Task[] = []
  let waitingBytes = 0
  let closed = false

  const bytesOf = (values: readonly ValueOfUnit[]): number => values.reduce((sum, { value }) => sum + value.length, 0)
  const pump = (): void => {
    const thread = waiting.length > 0 ? idle.pop() : undefined
    const task = thread && waiting.shift()
    if (thread === undefined || task === undefined) return
    waitingBytes -= bytesOf(task.values)
    thread
      .work(task)
      .then(
        () => {
          task.done(null)
        },
        (error: unknown) => {
          task.done(error instanceof Error ? error : new Error(String(error)))
        }
      )
      .finally(() => {
        idle.push(thread)
        pump()
      })
  }

  return {
    verify(job, spec, values) {
      if (values.length === 0) return Promise.resolve([])
      const bytes = bytesOf(values)
      if (closed) return Promise.reject(new PeerComputeError('RATE_LIMITED', 'the coordinator is closing'))
      if (waiting.length > 0 && waitingBytes + bytes > WAITING_MAX_BYTES)
        return Promise.reject(new PeerComputeError('RATE_LIMITED', `${waiting.length} reports wait for their verifiers already`))
      return new Promise((resolve, reject) => {
        const verdicts: Verdict[] = []
        waiting.push({
          job,
          spec,
          seed: drawSeed(random),
          values,
          verdicts,
          done: (error) => (error === null ? resolve(verdicts) : reject(error))
        })
        waitingBytes += bytes
        pump()
      })
    },
    async close() {
      closed = true
      for (const task of waiting.splice(0)) task.done(new PeerComputeError('RATE_LIMITED', 'the coordinator is closing'))
      await Promise.all(all.map((thread) => thread.close()))
    }
  }
}

/** One core is the coordinator's own. */
function defaultThreads(): number {
  return Math.max(1, Math.min(2, availableParallelism() - 1))
}
